/* Clocks. Only code that records what it read (the epoch's batch time) may use the wall clock for results. */
#ifndef SPK_CORE_BASE_CLOCK_H
#define SPK_CORE_BASE_CLOCK_H

#include <stdint.h>

int64_t spk_clock_wall_us(void);       /* microseconds since 1970-01-01 UTC */
int64_t spk_clock_monotonic_us(void);
int64_t spk_clock_process_cpu_us(void);
int64_t spk_clock_thread_cpu_us(void);

#endif
