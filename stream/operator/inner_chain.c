/* A chain of batch operators inside another. See inner_chain.h. */
#include "stream/operator/inner_chain.h"

#include <stdlib.h>

/* The end of the chain: an operator that no plan has. */
struct catch { struct spk_op base; struct spk_inner_chain *chain; };

static spk_status catch_push(struct spk_op *op, int input, struct spk_batch *in, spk_error *err)
{
	struct spk_inner_chain *c = ((struct catch *)op)->chain;

	(void)input;
	return c->take(c->user, in, err);
}

static const struct spk_op_type catch_type = { .name = "end of a chain", .size = sizeof(struct catch), .push = catch_push };

/* Operator i of the chain; INPUT has none. */
static struct spk_op *op_at(const struct spk_inner_chain *c, int i) { return c->pipeline.op[i]; }

static spk_status add_op(struct spk_inner_chain *c, const struct spk_op_type *type, const struct spk_physical *node, spk_error *err)
{
	struct spk_op *op;

	if (!type)
		return spk_fail(err, SPK_INTERNAL, "no operator for plan node %s", spk_physical_kind_name(node->kind));
	op = calloc(1, type->size);
	SPK_TRY_PTR(op, err);
	*op = (struct spk_op){ .type = type, .plan = node, .pipeline = &c->pipeline, .output = calloc(1, sizeof *op->output) };
	c->pipeline.op[c->pipeline.op_count++] = op;
	SPK_TRY_PTR(op->output, err);
	return SPK_OK;
}

static spk_status open_ops(struct spk_inner_chain *c, spk_error *err)
{
	const struct spk_physical_plan *plan = c->outer->plan->inner;

	for (int i = 1; i < plan->nodes; i++)
		SPK_TRY(add_op(c, spk_batch_op_type(plan->node[i]->kind), plan->node[i], err));
	SPK_TRY(add_op(c, &catch_type, plan->node[plan->nodes - 1], err));
	((struct catch *)op_at(c, c->pipeline.op_count - 1))->chain = c;
	for (int i = 0; i + 1 < c->pipeline.op_count; i++) {
		struct spk_op *op = op_at(c, i);

		op->output[op->outputs++] = (struct spk_op_edge){ op_at(c, i + 1), 0 };
		if (op->type->open)
			SPK_TRY(op->type->open(op, err));
	}
	return SPK_OK;
}

spk_status spk_inner_chain_open(struct spk_inner_chain *c, struct spk_op *outer, spk_status (*take)(void *user, struct spk_batch *batch, spk_error *err), void *user, spk_error *err)
{
	const struct spk_physical_plan *plan = outer->plan->inner;

	*c = (struct spk_inner_chain){ .pipeline = *outer->pipeline, .outer = outer, .take = take, .user = user };
	c->pipeline.plan = plan;
	c->pipeline.op_count = 0;
	c->pipeline.leaf = NULL;
	c->pipeline.shared = NULL;
	c->pipeline.timed = false;
	c->pipeline.of_keys = true;
	c->pipeline.task = 0;
	c->pipeline.tasks = 1;
	c->pipeline.op = calloc((size_t)plan->nodes, sizeof(*c->pipeline.op));
	SPK_TRY_PTR(c->pipeline.op, err);
	return open_ops(c, err);
}

spk_status spk_inner_chain_begin(struct spk_inner_chain *c, spk_error *err)
{
	c->run = *c->outer->pipeline->run;
	c->run.streaming = false;
	c->pipeline.run = &c->run;
	c->pipeline.task_handle = c->outer->pipeline->task_handle;
	for (int i = 0; i < c->pipeline.op_count; i++)
		op_at(c, i)->done = false;
	for (int i = 0; i < c->pipeline.op_count; i++)
		if (op_at(c, i)->type->begin)
			SPK_TRY(op_at(c, i)->type->begin(op_at(c, i), err));
	return SPK_OK;
}

spk_status spk_inner_chain_push(struct spk_inner_chain *c, struct spk_batch *batch, spk_error *err)
{
	struct spk_op *first = op_at(c, 0);

	return first->done || !batch->selected ? SPK_OK : first->type->push(first, 0, batch, err);
}

spk_status spk_inner_chain_end(struct spk_inner_chain *c, spk_error *err)
{
	for (int i = 0; i < c->pipeline.op_count; i++) {
		const struct spk_op_type *type = op_at(c, i)->type;

		if (type->end)
			SPK_TRY(type->end(op_at(c, i), 0, err));
		if (type->finish)
			SPK_TRY(type->finish(op_at(c, i), err));
	}
	return SPK_OK;
}

void spk_inner_chain_close(struct spk_inner_chain *c)
{
	for (int i = 0; c->pipeline.op && i < c->pipeline.op_count; i++) {
		if (op_at(c, i)->type->close)
			op_at(c, i)->type->close(op_at(c, i));
		free(op_at(c, i)->output);
		free(op_at(c, i));
	}
	free(c->pipeline.op);
	c->pipeline.op = NULL;
}
