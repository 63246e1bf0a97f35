/* Pipelines of one task. See pipeline.h. */
#include "batch/pipeline.h"

#include <stdlib.h>

#include "core/expr/draw.h"

static const struct spk_op_type *const batch_types[SPK_PHYSICAL_COUNT] = {
	[SPK_PHYSICAL_SCAN] = &spk_op_scan,
	[SPK_PHYSICAL_VALUES] = &spk_op_values,
	[SPK_PHYSICAL_READ] = &spk_op_read,
	[SPK_PHYSICAL_WRITE] = &spk_op_write,
	[SPK_PHYSICAL_FILTER] = &spk_op_filter,
	[SPK_PHYSICAL_PROJECT] = &spk_op_project,
	[SPK_PHYSICAL_EXPAND] = &spk_op_expand,
	[SPK_PHYSICAL_WINDOW] = &spk_op_window,
	[SPK_PHYSICAL_PARTIAL_AGGREGATE] = &spk_op_partial_aggregate,
	[SPK_PHYSICAL_FINAL_AGGREGATE] = &spk_op_final_aggregate,
	[SPK_PHYSICAL_HASH_JOIN] = &spk_op_hash_join,
	[SPK_PHYSICAL_LOOP_JOIN] = &spk_op_loop_join,
	[SPK_PHYSICAL_MERGE_JOIN] = &spk_op_merge_join,
	[SPK_PHYSICAL_ASOF_JOIN] = &spk_op_asof_join,
	[SPK_PHYSICAL_SORT] = &spk_op_sort,
	[SPK_PHYSICAL_TOP_K] = &spk_op_top_k,
	[SPK_PHYSICAL_OVER] = &spk_op_over,
	[SPK_PHYSICAL_CALLBACK] = &spk_op_callback,
	[SPK_PHYSICAL_UNNEST] = &spk_op_unnest,
	[SPK_PHYSICAL_LIMIT] = &spk_op_limit,
	[SPK_PHYSICAL_SINK] = &spk_op_sink,
	[SPK_PHYSICAL_COLLECT] = &spk_op_collect,
};

const struct spk_op_type *spk_batch_op_type(enum spk_physical_kind kind) { return kind < SPK_PHYSICAL_COUNT ? batch_types[kind] : NULL; }

/* While a pipeline is made. */
struct making {
	struct spk_pipeline *p;
	const struct spk_pipeline_link *link;
	int links;
	const struct spk_op_type *(*op_type)(const struct spk_physical *node);
	bool *reached;               /* by node */
	struct spk_op **op;          /* by node */
};

void spk_pipeline_close(struct spk_pipeline *p)
{
	for (int i = 0; i < p->op_count && !p->closed; i++)
		if (p->op[i] && p->op[i]->type->close)
			p->op[i]->type->close(p->op[i]);
	p->closed = true;
}

void spk_pipeline_free(struct spk_pipeline *p)
{
	if (!p)
		return;
	spk_pipeline_close(p);
	for (int i = 0; i < p->op_count; i++) {
		if (p->op[i]) {
			free(p->op[i]->output);
			free(p->op[i]->draws);
		}
		free(p->op[i]);
	}
	free(p->op);
	free(p->leaf);
	free(p->own_input);
	free(p);
}

static const struct spk_leaf_group *group_of(const struct making *m, int link)
{
	return &m->p->plan->stage[m->link[link].stage].group[m->link[link].group];
}

/* The reading end of the exchange that is left out between a link and the next; NULL behind the last. */
static const struct spk_physical *left_out(const struct making *m, int link)
{
	return link + 1 < m->links ? group_of(m, link)->leaf[group_of(m, link)->splits] : NULL;
}

/* The same when `write` is its writing end. */
static const struct spk_physical *continues_at(const struct making *m, const struct spk_physical *write)
{
	for (int i = 0; i + 1 < m->links && write->kind == SPK_PHYSICAL_WRITE; i++)
		if (left_out(m, i)->exchange == write->exchange)
			return left_out(m, i);
	return NULL;
}

/* Marks the nodes of the stage that are reached from `n`. */
static void reach(const struct spk_physical *n, bool *reached)
{
	reached[n->id] = true;
	for (int i = 0; i < n->outputs; i++)
		reach(n->output[i].node, reached);
}

static int all_exprs(const struct spk_physical *node, int (*each)(const struct spk_expr *e, struct spk_draws *d), struct spk_draws *d)
{
	int n = each(node->filter, d);

	for (int i = 0; i < node->expr_count; i++)
		n += each(node->expr[i], d);
	for (int i = 0; i < node->aggregate_count + node->hidden_count; i++)
		for (int k = 0; k < node->aggregate[i].inputs; k++)
			n += each(node->aggregate[i].input[k], d);
	return n;
}

/* The numbers of a node's volatile calls, in the order of the plan. */
static struct spk_draws *make_draws(const struct spk_physical *node)
{
	struct spk_draws *d = spk_draws_new(all_exprs(node, spk_draws_list, NULL));

	if (d)
		all_exprs(node, spk_draws_list, d);
	return d;
}

static spk_status make_op(struct making *m, const struct spk_physical *node, bool whole, spk_error *err)
{
	const struct spk_op_type *type = m->op_type ? m->op_type(node) : NULL;
	struct spk_op *op;

	type = type ? type : batch_types[node->kind];
	if (!type)
		return spk_fail(err, SPK_INTERNAL, "no operator for plan node %s", spk_physical_kind_name(node->kind));
	op = calloc(1, type->size);
	SPK_TRY_PTR(op, err);
	*op = (struct spk_op){ .type = type, .plan = node, .pipeline = m->p, .whole = whole };
	m->p->op[m->p->op_count++] = m->op[node->id] = op;
	if (m->p->plan->streaming)
		SPK_TRY_PTR(op->draws = make_draws(node), err);
	return SPK_OK;
}

/* Operators in topological order: those of the last link first. Both ends of what is left out need none. */
static spk_status make_ops(struct making *m, spk_error *err)
{
	int nodes = 0;

	for (int i = 0; i < m->links; i++) {
		nodes += m->p->plan->stage[m->link[i].stage].nodes;
		for (int k = 0; k < group_of(m, i)->leaves; k++)
			reach(group_of(m, i)->leaf[k], m->reached);
	}
	m->p->op = calloc((size_t)nodes, sizeof(*m->p->op));
	SPK_TRY_PTR(m->p->op, err);
	for (int i = m->links; i-- > 0;) {
		const struct spk_physical_stage *stage = &m->p->plan->stage[m->link[i].stage];

		for (int k = 0; k < stage->nodes; k++)
			if (m->reached[stage->node[k]->id] && stage->node[k] != left_out(m, i) && !continues_at(m, stage->node[k]))
				SPK_TRY(make_op(m, stage->node[k], i + 1 < m->links, err));
	}
	return SPK_OK;
}

static spk_status connect(struct making *m, struct spk_op *op, spk_error *err)
{
	const struct spk_physical *node = op->plan;
	int most = node->outputs + 1;

	for (int k = 0; k < node->outputs; k++)
		most += continues_at(m, node->output[k].node) ? continues_at(m, node->output[k].node)->outputs : 0;
	op->output = calloc((size_t)most, sizeof *op->output);
	SPK_TRY_PTR(op->output, err);
	for (int k = 0; k < node->outputs; k++) {
		const struct spk_physical *behind = continues_at(m, node->output[k].node);
		const struct spk_physical_edge *edge = behind ? behind->output : &node->output[k];

		for (int j = 0; j < (behind ? behind->outputs : 1); j++)
			op->output[op->outputs++] = (struct spk_op_edge){ m->op[edge[j].node->id], edge[j].input };
	}
	return SPK_OK;
}

/* In the order in which they are driven: what is left out is in its place what the next link has. */
static void add_leaves(struct making *m, int link)
{
	const struct spk_leaf_group *g = group_of(m, link);

	for (int i = 0; i < g->leaves; i++) {
		if (g->leaf[i] == left_out(m, link))
			add_leaves(m, link + 1);
		else
			m->p->leaf[m->p->leaves++] = m->op[g->leaf[i]->id];
	}
}

static spk_status make_leaves(struct making *m, spk_error *err)
{
	int leaves = 0;

	for (int i = 0; i < m->links; i++)
		leaves += group_of(m, i)->leaves;
	m->p->leaf = calloc((size_t)leaves, sizeof(*m->p->leaf));
	SPK_TRY_PTR(m->p->leaf, err);
	add_leaves(m, 0);
	return SPK_OK;
}

/* Inputs of the stages behind come after those before, as the scheduler has them for a task that does another's work. */
static spk_status number_inputs(struct making *m, spk_error *err)
{
	const struct spk_physical_plan *plan = m->p->plan;
	int first = 0;

	if (m->links == 1)
		return SPK_OK;
	m->p->own_input = calloc((size_t)plan->exchanges, sizeof *m->p->own_input);
	SPK_TRY_PTR(m->p->own_input, err);
	for (int i = 0; i < m->links; first += m->link[i++].inputs)
		for (int x = 0; x < plan->exchanges; x++)
			if (plan->exchange[x].read_stage == m->link[i].stage)
				m->p->own_input[x] = first + m->p->exchange_input[x];
	m->p->exchange_input = m->p->own_input;
	return SPK_OK;
}

static spk_status fill(struct making *m, spk_error *err)
{
	struct spk_pipeline *p = m->p;

	SPK_TRY(number_inputs(m, err));
	SPK_TRY(make_ops(m, err));
	for (int i = 0; i < p->op_count; i++)
		SPK_TRY(connect(m, p->op[i], err));
	SPK_TRY(make_leaves(m, err));
	for (int i = 0; i < p->op_count; i++)
		if (p->op[i]->type->open)
			SPK_TRY(p->op[i]->type->open(p->op[i], err));
	return SPK_OK;
}

spk_status spk_pipeline_new(struct spk_pipeline **out, const struct spk_pipeline *like, const struct spk_pipeline_link *link, int links, const struct spk_op_type *(*op_type)(const struct spk_physical *node), spk_error *err)
{
	size_t nodes = (size_t)like->plan->nodes;
	struct making m = { .p = calloc(1, sizeof *m.p), .link = link, .links = links, .op_type = op_type, .reached = calloc(nodes, sizeof *m.reached), .op = calloc(nodes, sizeof(*m.op)) };
	spk_status status = m.p && m.reached && m.op ? SPK_OK : spk_fail_memory(err);

	if (status == SPK_OK) {
		*m.p = *like;
		m.p->partition = link[links - 1].partition;
		m.p->partitions = link[links - 1].partitions;
		status = fill(&m, err);
	}
	free(m.reached);
	free(m.op);
	if (status != SPK_OK) {
		spk_pipeline_free(m.p);
		return status;
	}
	*out = m.p;
	return SPK_OK;
}
