/* What the files of planner/physical share while a plan is made. Not for others. */
#ifndef SPK_PLANNER_PHYSICAL_BUILD_H
#define SPK_PLANNER_PHYSICAL_BUILD_H

#include "planner/physical/physical.h"

/*
 * The producers of a relation. UNION ALL has no operator of its own: its consumers take edges from every port.
 * `window_source` etc. need no place here: they are in the logical node's properties.
 */
struct spk_ports {
	int count;
	struct spk_physical **node;
	bool retracts;
};

struct spk_build {
	struct spk_arena *arena;
	const struct spk_physical_options *options;
	struct spk_physical_plan *plan;
	int node_capacity;
	const char *root_name;
	struct spk_physical **scan;        /* by source: the shared SCAN node */
};

/* A node with edges from all ports; NULL when memory is out. */
struct spk_physical *spk_build_node(struct spk_build *b, enum spk_physical_kind kind, const struct spk_schema *schema, const struct spk_ports *from, const struct spk_logical *logical);
/* The same for a node with a second input, which is `build`. */
struct spk_physical *spk_build_join_node(struct spk_build *b, enum spk_physical_kind kind, const struct spk_schema *schema, const struct spk_ports *probe, const struct spk_ports *build, const struct spk_logical *logical);
struct spk_ports spk_build_port(struct spk_build *b, struct spk_physical *node, bool retracts);
/* WRITE and READ around an exchange; returns the READ node. keys 0: all to one task; hash_column >= 0: the carried hash. */
spk_status spk_build_exchange(struct spk_build *b, const struct spk_ports *from, const int *key, int keys, int hash_column, struct spk_ports *out, spk_error *err);

/* Every reader task gets all rows: how many read it is decided by what else they read. */
spk_status spk_build_broadcast(struct spk_build *b, const struct spk_ports *from, struct spk_ports *out, spk_error *err);

/* One file each. */
spk_status spk_build_sources(struct spk_build *b, struct spk_logical *const *root, int roots, spk_error *err);
spk_status spk_build_scan(struct spk_build *b, const struct spk_logical *l, struct spk_ports *out, spk_error *err);
spk_status spk_build_aggregate(struct spk_build *b, const struct spk_logical *l, const struct spk_ports *in, struct spk_ports *out, spk_error *err);
spk_status spk_build_over(struct spk_build *b, const struct spk_logical *l, const struct spk_ports *in, struct spk_ports *out, spk_error *err);
spk_status spk_build_sink(struct spk_build *b, const struct spk_logical *l, const struct spk_ports *in, spk_error *err);
spk_status spk_build_relation(struct spk_build *b, const struct spk_logical *l, struct spk_ports *out, spk_error *err);
/* Bits of the sources with a watermark below `l`. */
uint64_t spk_build_time_sources(const struct spk_build *b, const struct spk_logical *l);
spk_status spk_build_stages(struct spk_build *b, spk_error *err);
spk_status spk_build_leaf_groups(struct spk_build *b, int stage, spk_error *err);

#endif
