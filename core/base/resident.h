/*
 * What the process has in memory by the system's account: beside what the accounts of memory.h reserved also code, stacks, what libraries take for
 * themselves and what malloc keeps of freed blocks.
 *
 * memory.limit is to hold for all of it where the process is ours alone, which a program says at its start. In somebody else's process what lies beside
 * the accounts is not ours to count.
 *
 * Threads: everything here may be called from any thread.
 */
#ifndef SPK_CORE_BASE_RESIDENT_H
#define SPK_CORE_BASE_RESIDENT_H

#include <stdbool.h>
#include <stddef.h>

/* This process is Sparklet's alone. */
void spk_resident_own(void);
bool spk_resident_owned(void);

/* Bytes of the process that are in memory; 0 where the system does not tell. A system call or three. */
size_t spk_resident_bytes(void);
/* Has malloc give all that is free back to the system: milliseconds, and what is taken next has to be mapped again. */
void spk_resident_trim(void);

#endif
