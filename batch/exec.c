/* Pipelines and the scheduler's graph of a plan. See exec.h. */
#include "batch/exec.h"

#include "batch/pipeline.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/wake.h"
#include "core/columnar/hash.h"
#include "core/expr/draw.h"

enum { IDLE_PERCENT = 25 };      /* of the limit in use: from there on a task that has ended keeps nothing */

/* All tasks of one stage. */
struct exec_stage {
	struct spk_exec *exec;
	int index, tasks;
	int own_tasks;                 /* those behind stand for tasks of stages whose exchange is left out */
	int *group_first;              /* by leaf group: its first task */
	int sharings;
	struct spk_sharing *sharing;
	int *split_exchange;           /* by sharing: the exchange whose partitions may be split, -1: none */
	int fusions;
	struct spk_fusion *fusion;
	int *fusion_group;             /* by fusion: the leaf group */
	int done_by;                   /* the stage whose tasks may stand for this one's, -1: none */
	struct spk_pipeline **pipeline;/* by task, made at first use by the task's own thread */
	struct spk_task_output *output;/* by task, of the last run */
};

struct spk_exec {
	struct spk_arena *arena;       /* all but the pipelines' operators; written by the caller's thread only */
	struct spk_exec_options options;
	const struct spk_physical_plan *plan;
	struct exec_stage *stage;
	struct spk_stage *dag_stage;
	struct spk_dag dag;
	int *exchange_readers, *exchange_base, *exchange_input;
	int *exchange_first;           /* by exchange: first partition of its part of the write stage's output */
	struct spk_shared *shared;     /* by node */
	struct spk_task_output **output;
	struct spk_memory_account *account;
	struct spk_run *run;
	bool verify;
};

/* --- a task --- */

/* The leaf group of the stage that the task drives. */
static int find_group(const struct spk_physical_stage *stage, const struct exec_stage *s, int task)
{
	int group = 0;

	while (group + 1 < stage->groups && s->group_first[group + 1] <= task)
		group++;
	return group;
}

/* The stages whose work the task does, from its own down: in[0 .. n). Returns n. */
static int find_links(const struct spk_exec *e, int stage, int task, struct spk_pipeline_link *in)
{
	const struct exec_stage *s = &e->stage[stage];
	int n = 0;

	for (int k = 0; task >= s->own_tasks; k = 0) {
		while (k + 1 < s->fusions && s->fusion[k + 1].first <= task)
			k++;
		in[n++] = (struct spk_pipeline_link){ .stage = s->index, .group = s->fusion_group[k], .inputs = e->dag_stage[s->index].inputs };
		task -= s->fusion[k].first;
		s = &e->stage[e->dag_stage[s->index].input[s->fusion[k].input]];
	}
	in[n] = (struct spk_pipeline_link){ .stage = s->index, .group = find_group(&e->plan->stage[s->index], s, task), .inputs = e->dag_stage[s->index].inputs };
	in[n].partition = task - s->group_first[in[n].group];
	in[n].partitions = (in[n].group + 1 < e->plan->stage[s->index].groups ? s->group_first[in[n].group + 1] : s->own_tasks) - s->group_first[in[n].group];
	return n + 1;
}

static spk_status make_pipeline(const struct spk_exec *e, const struct exec_stage *s, int task, struct spk_pipeline **out, spk_error *err)
{
	struct spk_pipeline p = { .plan = e->plan, .stage = s->index, .task = task, .tasks = s->tasks, .store = e->options.store, .account = e->account, .spill = e->options.spill,
		.batch_rows = e->options.batch_rows ? e->options.batch_rows : SPK_BATCH_ROWS, .exchange_readers = e->exchange_readers,
		.exchange_base = e->exchange_base, .exchange_input = e->exchange_input, .shared = e->shared, .timed = e->options.timed, .verify = e->verify };
	struct spk_pipeline_link *link = calloc((size_t)e->plan->stages, sizeof *link);
	spk_status status;

	SPK_TRY_PTR(link, err);
	status = spk_pipeline_new(out, &p, link, find_links(e, s->index, task, link), e->options.op_type, err);
	free(link);
	return status;
}

static void output_release(struct spk_task_output *o, int sinks)
{
	for (int i = 0; o->block && i < sinks; i++)
		spk_sink_block_free(o->block[i]);
	free(o->block);
	spk_arena_unref(o->arena);
	*o = (struct spk_task_output){ 0 };
}

/* What the rows are that a task goes through: a partition of a source by its name, as others come and go, or its share of an exchange. */
static uint64_t rows_hash(const struct spk_pipeline *p)
{
	const struct spk_op *leaf = p->leaves ? p->leaf[0] : NULL;
	const uint64_t share[] = { (uint64_t)p->stage, (uint64_t)p->partition, (uint64_t)p->partitions };
	const struct spk_run_source *s = leaf && leaf->plan->kind == SPK_PHYSICAL_SCAN && p->run->source ? &p->run->source[leaf->plan->source] : NULL;

	if (s && s->source && s->source->type->partition_name && p->partition < s->partitions) {
		const char *name = s->source->type->partition_name(s->source, p->partition);

		return spk_hash_bytes(name, strlen(name)) + (uint64_t)leaf->plan->id;
	}
	return spk_hash_bytes((const char *)share, sizeof share);
}

/* The same for the same rows in the same epoch of the same job. */
static void begin_draws(struct spk_pipeline *p)
{
	uint64_t where[] = { p->plan->hash, (uint64_t)p->run->time_us, (uint64_t)p->run->epoch.value, rows_hash(p), 0, 0 }, seed[2];

	for (int i = 0; i < p->op_count; i++) {
		where[4] = (uint64_t)p->op[i]->plan->id;
		for (int half = 0; half < 2; half++) {
			where[5] = (uint64_t)half;
			seed[half] = spk_hash_bytes((const char *)where, sizeof where);
		}
		spk_draws_begin(p->op[i]->draws, seed[0], seed[1]);
	}
}

static spk_status begin_ops(struct spk_pipeline *p, spk_error *err)
{
	if (p->plan->streaming)
		begin_draws(p);
	for (int i = 0; i < p->op_count; i++) {
		struct spk_op *op = p->op[i];

		op->led = !op->type->lead;
		op->finished = op->done = false;
		op->pending[0] = op->pending[1] = 0;
	}
	for (int i = 0; i < p->op_count; i++)
		for (int k = 0; k < p->op[i]->outputs; k++)
			p->op[i]->output[k].op->pending[p->op[i]->output[k].input]++;
	for (int i = 0; i < p->op_count; i++)
		if (p->op[i]->type->begin)
			SPK_TRY(p->op[i]->type->begin(p->op[i], err));
	/* Some need no rows at all: then nobody before them does. */
	for (int i = p->op_count; i-- > 0;)
		p->op[i]->done = p->op[i]->done || spk_op_consumers_done(p->op[i]);
	return SPK_OK;
}

/* Finishes the operators all of whose inputs have ended, and tells those behind them. */
static spk_status finish_ops(struct spk_pipeline *p, spk_error *err)
{
	for (int i = 0; i < p->op_count; i++) {
		struct spk_op *op = p->op[i];

		if (op->finished || !op->led || op->pending[0] || op->pending[1])
			continue;
		op->finished = true;
		spk_op_turn(p, op);
		if (op->type->finish)
			SPK_TRY(op->type->finish(op, err));
		for (int k = 0; k < op->outputs; k++) {
			struct spk_op_edge *edge = &op->output[k];

			if (--edge->op->pending[edge->input] || !edge->op->type->end)
				continue;
			spk_op_turn(p, edge->op);
			SPK_TRY(edge->op->type->end(edge->op, edge->input, err));
		}
	}
	return SPK_OK;
}

static spk_status drive(struct spk_pipeline *p, spk_error *err)
{
	SPK_TRY(begin_ops(p, err));
	for (int i = 0; i < p->leaves; i++) {
		spk_op_turn(p, p->leaf[i]);
		SPK_TRY(p->leaf[i]->type->lead(p->leaf[i], err));
		p->leaf[i]->led = true;
		SPK_TRY(finish_ops(p, err));
	}
	return SPK_OK;
}

static spk_status run_task(struct spk_task *task, spk_error *err)
{
	struct exec_stage *s = spk_task_user(task);
	struct spk_exec *e = s->exec;
	int index = spk_task_partition(task);
	struct spk_task_output *out = &s->output[index];
	struct spk_pipeline *p;
	spk_status status;

	if (s->pipeline[index] && s->pipeline[index]->closed) {
		spk_pipeline_free(s->pipeline[index]);
		s->pipeline[index] = NULL;
	}
	if (!s->pipeline[index])
		SPK_TRY(make_pipeline(e, s, index, &s->pipeline[index], err));
	p = s->pipeline[index];
	output_release(out, e->plan->sinks);
	p->run = e->run;
	p->task_handle = task;
	p->output = (struct spk_task_output){ .block = calloc((size_t)e->plan->sinks + 1, sizeof(*p->output.block)) };
	SPK_TRY_PTR(p->output.block, err);
	status = drive(p, err);
	spk_op_turn(p, NULL);
	if (status == SPK_OK)
		*out = p->output;
	else
		output_release(&p->output, e->plan->sinks);
	p->output = (struct spk_task_output){ 0 };
	/* Its buffers are kept for the next attempt or run, but not when others are short of them meanwhile. */
	if (!e->plan->streaming && (status != SPK_OK || spk_memory_pressure(IDLE_PERCENT)))
		spk_pipeline_close(p);
	return status;
}

/* A scan's task without rows has nothing to do, except in batch, where it fetches by itself, and where a join may have rows of its own. */
static bool skip_task(int task, void *user)
{
	const struct exec_stage *s = user;
	const struct spk_exec *e = s->exec;
	const struct spk_physical_stage *stage = &e->plan->stage[s->index];
	const struct spk_run_source *source;
	int group = find_group(stage, s, task), partition = task - s->group_first[group];
	const struct spk_physical *leaf = stage->group[group].leaf[0];

	/* Whether the other task has something to do was asked of its own stage. */
	if (task >= s->own_tasks)
		return false;
	if (stage->group[group].leaves > 1 || leaf->kind != SPK_PHYSICAL_SCAN)
		return false;
	source = &e->run->source[leaf->source];
	return partition >= source->partitions || (e->run->streaming && source->partition[partition].chunks == 0);
}

/* --- the graph --- */

static int leaf_tasks(const struct spk_exec *e, const struct spk_physical *leaf)
{
	switch (leaf->kind) {
	case SPK_PHYSICAL_SCAN:
		/* A stage has a task at least, though the source may have no partition: it is skipped. */
		return SPK_MAX(e->options.source_partitions[leaf->source], 1);
	case SPK_PHYSICAL_READ:
		return e->exchange_readers[leaf->exchange];
	default:
		return leaf->tasks;
	}
}

static bool is_broadcast(const struct spk_exec *e, const struct spk_physical *leaf)
{
	return leaf->kind == SPK_PHYSICAL_READ && e->plan->exchange[leaf->exchange].broadcast;
}

/* Tasks beyond the partitions, for those that turn out so large that several tasks share them: as many again. */
static int spare_tasks(const struct spk_exec *e, const struct spk_leaf_group *g, int partitions)
{
	return g->splits >= 0 && e->options.skew_bytes && partitions > 1 ? partitions : 0;
}

static void add_sharing(const struct spk_exec *e, struct exec_stage *s, const struct spk_leaf_group *g, int partitions)
{
	if (!g->coalesces || partitions < 2 || !(e->options.skew_bytes || e->options.share_target_bytes))
		return;
	s->sharing[s->sharings] = (struct spk_sharing){ .first = s->tasks, .partitions = partitions, .tasks = partitions + spare_tasks(e, g, partitions), .coalesces = true, .splits = -1, .cuts = g->cuts };
	s->split_exchange[s->sharings++] = g->splits >= 0 ? g->leaf[g->splits]->exchange : -1;
}

/* The exchange of a group that may be left out; -1: none may. */
static int left_out(const struct spk_exec *e, const struct spk_leaf_group *g)
{
	int x = g->splits >= 0 ? g->leaf[g->splits]->exchange : -1;

	return x >= 0 && e->plan->exchange[x].left_out_bytes ? x : -1;
}

/* Tasks that stand for those of the stages whose exchanges may be left out: behind all others, so that these have the partitions' numbers. */
static void add_fusions(struct spk_exec *e, struct exec_stage *s)
{
	const struct spk_physical_stage *stage = &e->plan->stage[s->index];

	s->own_tasks = s->tasks;
	for (int i = 0; i < stage->groups; i++) {
		const struct spk_leaf_group *g = &stage->group[i];
		int x = left_out(e, g), partitions;

		if (x < 0)
			continue;
		partitions = leaf_tasks(e, g->leaf[g->partitioned]);
		s->fusion[s->fusions] = (struct spk_fusion){ .most_bytes = e->plan->exchange[x].left_out_bytes, .first_own = s->group_first[i], .partitions = partitions,
			.own = partitions + spare_tasks(e, g, partitions), .first = s->tasks };
		s->fusion_group[s->fusions++] = i;
		e->stage[e->plan->exchange[x].write_stage].done_by = s->index;
		s->tasks += e->stage[e->plan->exchange[x].write_stage].tasks;
	}
}

static spk_status count_tasks(struct spk_exec *e, int index, spk_error *err)
{
	const struct spk_physical_stage *stage = &e->plan->stage[index];
	struct exec_stage *s = &e->stage[index];

	*s = (struct exec_stage){ .exec = e, .index = index, .done_by = -1 };
	s->group_first = SPK_NEW_ARRAY(e->arena, int, stage->groups);
	s->sharing = SPK_NEW_ARRAY(e->arena, struct spk_sharing, stage->groups);
	s->split_exchange = SPK_NEW_ARRAY(e->arena, int, stage->groups);
	s->fusion = SPK_NEW_ARRAY(e->arena, struct spk_fusion, stage->groups);
	s->fusion_group = SPK_NEW_ARRAY(e->arena, int, stage->groups);
	SPK_TRY_PTR(s->group_first && s->sharing && s->split_exchange && s->fusion && s->fusion_group, err);
	for (int i = 0; i < stage->groups; i++) {
		const struct spk_leaf_group *g = &stage->group[i];
		int partitions = leaf_tasks(e, g->leaf[g->partitioned]);

		s->group_first[i] = s->tasks;
		add_sharing(e, s, g, partitions);
		s->tasks += partitions + spare_tasks(e, g, partitions);
		for (int k = 0; k < g->leaves; k++)
			SPK_ASSERT(is_broadcast(e, g->leaf[k]) || leaf_tasks(e, g->leaf[k]) == leaf_tasks(e, g->leaf[g->partitioned]), "leaves of one group have as many tasks");
	}
	add_fusions(e, s);
	s->pipeline = SPK_NEW_ARRAY(e->arena, struct spk_pipeline *, s->tasks);
	s->output = SPK_NEW_ARRAY(e->arena, struct spk_task_output, s->tasks);
	e->output[index] = s->output;
	SPK_TRY_PTR(s->pipeline && s->output, err);
	return SPK_OK;
}

static bool reads(const struct spk_leaf_group *g, int x)
{
	for (int i = 0; i < g->leaves; i++)
		if (g->leaf[i]->exchange == x)
			return true;
	return false;
}

/* First task of the group that reads exchange `x`, in its stage. */
static int reading_task(const struct spk_exec *e, int x)
{
	const struct spk_physical_stage *stage = &e->plan->stage[e->plan->exchange[x].read_stage];
	int group = 0;

	while (!reads(&stage->group[group], x))
		group++;
	return e->stage[e->plan->exchange[x].read_stage].group_first[group];
}

/* Which inputs decide whether an exchange is left out. */
static spk_status connect_fusion(struct spk_exec *e, const struct spk_leaf_group *g, struct spk_fusion *f, spk_error *err)
{
	int *side = SPK_NEW_ARRAY(e->arena, int, g->leaves);

	SPK_TRY_PTR(side, err);
	f->side = side;
	for (int i = 0; i < g->leaves; i++) {
		int x = g->leaf[i]->exchange;

		if (i == g->splits)
			f->input = e->exchange_input[x];
		else if (!e->plan->exchange[x].broadcast)
			side[f->sides++] = e->exchange_input[x];
	}
	return SPK_OK;
}

/*
 * Which stages a stage reads, each exchange a separate input. An exchange gets as many partitions as the reading stage has tasks, also
 * those that drive other leaves (theirs stay empty): a task's number in its stage is then the partition that it reads. A broadcast has one,
 * which all read; an exchange by ranges two.
 */
static spk_status connect_stage(struct spk_exec *e, int index, spk_error *err)
{
	const struct spk_physical_plan *plan = e->plan;
	struct spk_stage *d = &e->dag_stage[index];
	int *input = SPK_NEW_ARRAY(e->arena, int, 2 * plan->exchanges), *base = SPK_NEW_ARRAY(e->arena, int, 2 * plan->exchanges);
	bool *broadcast = SPK_NEW_ARRAY(e->arena, bool, 2 * plan->exchanges);

	SPK_TRY_PTR(input && base && broadcast, err);
	*d = (struct spk_stage){ .name = spk_arena_printf(e->arena, "stage %d", index), .tasks = e->stage[index].tasks, .run = run_task, .skip = skip_task,
		.repeatable = !plan->stage[index].stateful, .user = &e->stage[index], .input = input, .input_base = base, .input_broadcast = broadcast,
		.sharings = e->stage[index].sharings, .sharing = e->stage[index].sharing };
	SPK_TRY_PTR(d->name, err);
	for (int x = 0; x < plan->exchanges; x++) {
		const struct spk_exchange *exchange = &plan->exchange[x];

		if (exchange->write_stage == index) {
			e->exchange_first[x] = d->output_partitions;
			e->exchange_base[x] = d->output_partitions + (exchange->broadcast || exchange->range ? 0 : reading_task(e, x));
			d->output_partitions += exchange->range ? 2 : exchange->broadcast ? 1 : e->stage[exchange->read_stage].own_tasks;
		}
		if (exchange->read_stage == index) {
			e->exchange_input[x] = d->inputs;
			input[d->inputs] = exchange->write_stage;
			broadcast[d->inputs] = exchange->broadcast || exchange->range;
			base[d->inputs++] = e->exchange_first[x];
			if (!exchange->range)
				continue;
			/* Samples of the keys: the next input, the next partition. */
			input[d->inputs] = exchange->write_stage;
			broadcast[d->inputs] = true;
			base[d->inputs++] = e->exchange_first[x] + 1;
		}
	}
	for (int i = 0; i < d->sharings; i++)
		if (e->stage[index].split_exchange[i] >= 0)
			e->stage[index].sharing[i].splits = e->exchange_input[e->stage[index].split_exchange[i]];
	d->fusions = e->stage[index].fusions;
	d->fusion = e->stage[index].fusion;
	for (int i = 0; i < d->fusions; i++)
		SPK_TRY(connect_fusion(e, &plan->stage[index].group[e->stage[index].fusion_group[i]], &e->stage[index].fusion[i], err));
	return SPK_OK;
}

static spk_status make_shared(struct spk_exec *e, spk_error *err)
{
	e->shared = SPK_NEW_ARRAY(e->arena, struct spk_shared, e->plan->nodes);
	SPK_TRY_PTR(e->shared, err);
	for (int i = 0; i < e->plan->nodes; i++)
		pthread_mutex_init(&e->shared[i].lock, NULL);
	return SPK_OK;
}

static void clear_shared(struct spk_exec *e)
{
	for (int i = 0; e->shared && i < e->plan->nodes; i++) {
		struct spk_shared *s = &e->shared[i];

		if (s->value && s->release)
			s->release(s->value);
		s->value = NULL;
	}
}

static spk_status build_graph(struct spk_exec *e, int readers, spk_error *err)
{
	const struct spk_physical_plan *plan = e->plan;

	e->stage = SPK_NEW_ARRAY(e->arena, struct exec_stage, plan->stages);
	e->dag_stage = SPK_NEW_ARRAY(e->arena, struct spk_stage, plan->stages);
	e->output = SPK_NEW_ARRAY(e->arena, struct spk_task_output *, plan->stages);
	e->exchange_readers = SPK_NEW_ARRAY(e->arena, int, plan->exchanges);
	e->exchange_base = SPK_NEW_ARRAY(e->arena, int, plan->exchanges);
	e->exchange_input = SPK_NEW_ARRAY(e->arena, int, plan->exchanges);
	e->exchange_first = SPK_NEW_ARRAY(e->arena, int, plan->exchanges);
	SPK_TRY_PTR(e->stage && e->dag_stage && e->output && e->exchange_readers && e->exchange_base && e->exchange_input && e->exchange_first, err);
	SPK_TRY(make_shared(e, err));
	for (int x = 0; x < plan->exchanges; x++)
		e->exchange_readers[x] = plan->exchange[x].single || plan->exchange[x].broadcast ? 1 : plan->exchange[x].readers ? plan->exchange[x].readers : readers;
	for (int i = 0; i < plan->stages; i++)
		SPK_TRY(count_tasks(e, i, err));
	for (int i = 0; i < plan->stages; i++)
		SPK_TRY(connect_stage(e, i, err));
	e->dag = (struct spk_dag){ .name = plan->streaming ? "epoch" : "query", .stages = plan->stages, .stage = e->dag_stage,
		.share = { e->options.share_target_bytes, e->options.skew_bytes, e->options.skew_factor } };
	return SPK_OK;
}

/* Of what the values of state tables look like. 2: states of aggregates without zeros. */
enum { STATE_VERSION = 2 };

static spk_status add_tables(const struct spk_exec *e, spk_error *err)
{
	for (int i = 0; i < e->plan->nodes; i++) {
		const struct spk_physical *n = e->plan->node[i];
		enum spk_table_kind kind = spk_physical_has_buckets(n) ? SPK_TABLE_BUCKETED : SPK_TABLE_KEYED;

		if (n->state_table)
			SPK_TRY(spk_store_add_table(e->options.store, n->state_table, kind, STATE_VERSION, n->fingerprint, err));
	}
	return SPK_OK;
}

spk_status spk_exec_new(struct spk_exec **out, const struct spk_exec_options *options, spk_error *err)
{
	struct spk_arena *arena = spk_arena_new(spk_memory_account("plan"));
	struct spk_exec *e = arena ? SPK_NEW(arena, struct spk_exec) : NULL;
	const char *verify = getenv("SPARKLET_VERIFY");
	int readers = options->readers;
	spk_status status;

	if (!e) {
		spk_arena_unref(arena);
		return spk_fail_memory(err);
	}
	if (readers <= 0)
		readers = (int)sysconf(_SC_NPROCESSORS_ONLN);
	e->arena = arena;
	e->options = *options;
	e->plan = options->plan;
	SPK_ASSERT(options->batch_rows <= SPK_BATCH_ROWS, "a batch has that many rows at most");
	e->account = spk_memory_account("operators");
	e->verify = verify && *verify == '1';
	status = build_graph(e, SPK_MIN(SPK_MAX(readers, 1), SPK_SHARDS), err);
	if (status == SPK_OK && options->store)
		status = add_tables(e, err);
	if (status != SPK_OK) {
		spk_exec_free(e);
		return status;
	}
	*out = e;
	return SPK_OK;
}

void spk_exec_clear(struct spk_exec *e)
{
	for (int i = 0; e->stage && i < e->plan->stages; i++)
		for (int t = 0; e->stage[i].output && t < e->stage[i].tasks; t++)
			output_release(&e->stage[i].output[t], e->plan->sinks);
}

spk_status spk_exec_take(struct spk_exec *e, struct spk_arena *arena, struct spk_exec_output *out, spk_error *err)
{
	int tasks = 0;

	for (int i = 0; i < e->plan->stages; i++)
		tasks += e->stage[i].tasks;
	*out = (struct spk_exec_output){ .sinks = e->plan->sinks, .task = SPK_NEW_ARRAY(arena, struct spk_task_output, tasks) };
	SPK_TRY_PTR(out->task, err);
	for (int i = 0; i < e->plan->stages; i++)
		for (int t = 0; t < e->stage[i].tasks; t++) {
			out->task[out->count++] = e->stage[i].output[t];
			e->stage[i].output[t] = (struct spk_task_output){ 0 };
		}
	return SPK_OK;
}

void spk_exec_output_release(struct spk_exec_output *output)
{
	for (int i = 0; i < output->count; i++)
		output_release(&output->task[i], output->sinks);
	output->count = 0;
}

void spk_exec_free(struct spk_exec *e)
{
	if (!e)
		return;
	spk_exec_clear(e);
	for (int i = 0; e->stage && i < e->plan->stages; i++)
		for (int t = 0; e->stage[i].pipeline && t < e->stage[i].tasks; t++)
			spk_pipeline_free(e->stage[i].pipeline[t]);
	clear_shared(e);
	for (int i = 0; e->shared && i < e->plan->nodes; i++)
		pthread_mutex_destroy(&e->shared[i].lock);
	spk_arena_unref(e->arena);
}

int spk_exec_stages(const struct spk_exec *e) { return e->plan->stages; }
int spk_exec_tasks(const struct spk_exec *e, int stage) { return e->stage[stage].tasks; }

/* --- running --- */

/* Where the end of an asynchronous run is noted; the eventfd tells the waiting thread. */
struct ending {
	int fd;
	spk_status status;
	spk_error error;
	struct spk_dag_result result;
};

static void on_done(void *user, spk_status status, const spk_error *error, const struct spk_dag_result *result)
{
	struct ending *e = user;

	e->status = status;
	if (error)
		e->error = *error;
	if (result)
		e->result = *result;
	spk_wake(e->fd);
}

/* How long to wait for something to happen, in ms; -1: for ever. */
static int wait_ms(const struct spk_exec_watch *watch, int64_t deadline_us)
{
	enum { MOST_MS = 60000 };
	int64_t ms = watch->tick ? watch->tick_ms : -1, left;

	if (!deadline_us)
		return (int)ms;
	left = SPK_MIN(SPK_MAX(deadline_us - spk_clock_monotonic_us(), 0) / 1000 + 1, MOST_MS);
	return (int)(ms < 0 ? left : SPK_MIN(ms, left));
}

static void wait_for_end(const struct ending *e, struct spk_dag_scheduler *scheduler, const struct spk_exec_watch *watch)
{
	struct pollfd fds[2] = { { .fd = e->fd, .events = POLLIN }, { .fd = watch->fd, .events = POLLIN } };
	int64_t deadline_us = watch->deadline_us;
	bool ask = true;

	while (!(fds[0].revents & POLLIN)) {
		if (ask && watch->cancel(watch->user))
			spk_dag_cancel(scheduler);
		int n = poll(fds, 2, wait_ms(watch, deadline_us));

		if (n == 0 && watch->tick)
			watch->tick(watch->user);
		ask = n > 0 && (fds[1].revents & POLLIN);
		if (ask)
			spk_wake_clear(watch->fd);
		if (deadline_us && spk_clock_monotonic_us() >= deadline_us) {
			ask = true;
			deadline_us = 0;
		}
		if (n < 0)
			fds[0].revents = fds[1].revents = 0;
	}
	spk_wake_clear(e->fd);
}

static spk_status run_watched(struct spk_exec *e, struct spk_dag_scheduler *scheduler, const struct spk_exec_watch *watch, struct spk_dag_result *result, spk_error *err)
{
	struct ending end = { .fd = spk_wake_new() };
	spk_status status;

	if (end.fd < 0)
		return spk_fail(err, SPK_IO, "no eventfd: %s", strerror(errno));
	status = spk_dag_start(scheduler, &e->dag, on_done, &end, err);
	if (status == SPK_OK) {
		wait_for_end(&end, scheduler, watch);
		status = end.status;
		if (status != SPK_OK && err)
			*err = end.error;
		if (result)
			*result = end.result;
	}
	close(end.fd);
	return status;
}

static void begin_run(struct spk_exec *e, struct spk_run *run)
{
	spk_exec_clear(e);
	clear_shared(e);
	e->run = run;
	run->output = e->output;
	e->dag.epoch = run->epoch;
}

spk_status spk_exec_start(struct spk_exec *e, struct spk_run *run, struct spk_dag_scheduler *scheduler,
			  void (*done)(void *user, spk_status status, const spk_error *error, const struct spk_dag_result *result), void *user, spk_error *err)
{
	begin_run(e, run);
	return spk_dag_start(scheduler, &e->dag, done, user, err);
}

void spk_exec_end(struct spk_exec *e, spk_status status)
{
	clear_shared(e);
	if (status != SPK_OK)
		spk_exec_clear(e);
}

spk_status spk_exec_run(struct spk_exec *e, struct spk_run *run, struct spk_dag_scheduler *scheduler, const struct spk_exec_watch *watch, struct spk_dag_result *result, spk_error *err)
{
	spk_status status;

	begin_run(e, run);
	status = watch ? run_watched(e, scheduler, watch, result, err) : spk_dag_run(scheduler, &e->dag, result, err);
	spk_exec_end(e, status);
	return status;
}

static const struct spk_op *find_op(const struct spk_pipeline *p, int node)
{
	for (int i = 0; p && i < p->op_count; i++)
		if (p->op[i]->plan->id == node)
			return p->op[i];
	return NULL;
}

void spk_exec_counts(const struct spk_exec *e, int node, int64_t *rows, int64_t *batches)
{
	struct spk_node_stats stats;

	spk_exec_node(e, node, &stats);
	*rows = stats.rows;
	*batches = stats.batches;
}

static void add_node(const struct exec_stage *s, int node, struct spk_node_stats *out)
{
	for (int t = 0; t < s->tasks; t++) {
		const struct spk_op *op = find_op(s->pipeline[t], node);

		if (!op)
			continue;
		out->rows += op->rows_out;
		out->batches += op->batches_out;
		out->filtered += op->rows_filtered;
		out->own_us += op->own_us;
		out->spilled_bytes += op->spilled_bytes;
		out->memory_peak = SPK_MAX(out->memory_peak, op->memory_peak);
	}
}

void spk_exec_node(const struct spk_exec *e, int node, struct spk_node_stats *out)
{
	*out = (struct spk_node_stats){ 0 };
	/* Its stage's work may have been done by tasks of another. */
	for (int stage = e->plan->node[node]->stage; stage >= 0; stage = e->stage[stage].done_by)
		add_node(&e->stage[stage], node, out);
}

void spk_exec_stage(const struct spk_exec *e, int stage, struct spk_node_stats *out)
{
	*out = (struct spk_node_stats){ 0 };
	for (int t = 0; t < e->stage[stage].tasks; t++) {
		const struct spk_pipeline *p = e->stage[stage].pipeline[t];
		int64_t held = 0;

		for (int i = 0; p && i < p->op_count; i++) {
			held += p->op[i]->memory_peak;
			out->spilled_bytes += p->op[i]->spilled_bytes;
			out->own_us += p->op[i]->own_us;
		}
		out->memory_peak = SPK_MAX(out->memory_peak, held);
	}
}
