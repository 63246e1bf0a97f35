/* Figures of a query that has ended, copied out of scheduler and operators before these go. They lie in an arena of their own. */
#include "session/profile.h"

#include <stdlib.h>

/* Is it named already? */
static bool holds(const char *text, const char *item)
{
	size_t size = strlen(item);

	for (const char *at = text; (at = strstr(at, item)) != NULL; at += size)
		if ((at == text || at[-1] == ' ') && (!at[size] || at[size] == ','))
			return true;
	return false;
}

/* "Scan flights.csv, Filter, PartialAggregate": what there is, each once. */
static const char *describe_stage(const struct spk_physical_plan *plan, int stage, struct spk_arena *arena)
{
	const struct spk_physical_stage *s = &plan->stage[stage];
	const char *text = "";

	for (int i = 0; i < s->nodes && text; i++) {
		const struct spk_physical *n = s->node[i];
		const char *table = n->kind == SPK_PHYSICAL_SCAN ? plan->source[n->source].table->name : NULL;
		const char *item = spk_arena_printf(arena, "%s%s%s", spk_physical_kind_name(n->kind), table ? " " : "", table ? table : "");

		if (n->kind == SPK_PHYSICAL_READ || n->kind == SPK_PHYSICAL_WRITE)
			continue;
		text = item && holds(text, item) ? text : item ? spk_arena_printf(arena, "%s%s%s", text, *text ? ", " : "", item) : NULL;
	}
	return text;
}

static spk_status put_size(struct spk_buffer *out, const char *name, int64_t bytes, spk_error *err)
{
	if (bytes < 10240)
		return spk_buffer_printf(out, err, " %s=%lldB", name, (long long)bytes);
	return bytes < 10485760 ? spk_buffer_printf(out, err, " %s=%lldKiB", name, (long long)bytes >> 10)
				: spk_buffer_printf(out, err, " %s=%lldMiB", name, (long long)bytes >> 20);
}

static spk_status put_node(const struct spk_physical *node, struct spk_buffer *out, void *user, spk_error *err)
{
	const struct spk_profiled *p = user;
	struct spk_node_stats s;

	spk_exec_node(p->exec, node->id, &s);
	if (node->outputs)
		SPK_TRY(spk_buffer_printf(out, err, " rows=%lld", (long long)s.rows));
	if (node->outputs && node->expected_rows >= 0)
		SPK_TRY(spk_buffer_printf(out, err, " (expected %.0f)", node->expected_rows));
	if (node->outputs)
		SPK_TRY(spk_buffer_printf(out, err, " batches=%lld", (long long)s.batches));
	if (s.filtered)
		SPK_TRY(spk_buffer_printf(out, err, " filtered=%lld", (long long)s.filtered));
	SPK_TRY(spk_buffer_printf(out, err, " time=%.1fms", (double)s.own_us / 1000));
	if (s.memory_peak)
		SPK_TRY(put_size(out, "memory", s.memory_peak, err));
	return s.spilled_bytes ? put_size(out, "spilled", s.spilled_bytes, err) : SPK_OK;
}

/* The plan with the figures of its nodes, when they were measured. */
static spk_status put_plan(const struct spk_profiled *p, struct spk_query_profile *out, spk_error *err)
{
	struct spk_buffer text = { 0 };
	struct spk_profiled copy = *p;
	spk_status status = spk_physical_format(p->plan, put_node, &copy, &text, err);

	if (status == SPK_OK) {
		out->plan = spk_arena_strndup(out->arena, text.data ? text.data : "", text.size);
		status = out->plan ? SPK_OK : spk_fail_memory(err);
	}
	spk_buffer_release(&text);
	return status;
}

/* One more thing to *text. */
static spk_status add_decision(struct spk_arena *arena, const char **text, const char *decision, spk_error *err)
{
	*text = !decision ? NULL : *text ? spk_arena_printf(arena, "%s, %s", *text, decision) : decision;
	return *text ? SPK_OK : spk_fail_memory(err);
}

/* What the scheduler decided by sizes. */
static spk_status describe_decisions(const struct spk_stage_stats *s, struct spk_arena *arena, const char **out, spk_error *err)
{
	const char *text = NULL;

	if (s->done_by >= 0)
		SPK_TRY(add_decision(arena, &text, spk_arena_printf(arena, "its exchange is left out, stage %d does its work", s->done_by), err));
	if (s->decided)
		SPK_TRY(add_decision(arena, &text, spk_arena_printf(arena, "kept side of %lld KiB: %s", ((long long)s->decided_bytes + 1023) >> 10, s->left_out ? "all to every task" : "both sides exchanged"), err));
	if (s->coalesced)
		SPK_TRY(add_decision(arena, &text, spk_arena_printf(arena, "%d partitions read as %d", s->coalesced, s->coalesced_to), err));
	if (s->splits)
		SPK_TRY(add_decision(arena, &text, spk_arena_printf(arena, "skew: partition %d split in %d", s->split_partition, s->split_tasks), err));
	if (s->splits > 1)
		SPK_TRY(add_decision(arena, &text, spk_arena_printf(arena, "and %d more", s->splits - 1), err));
	*out = text;
	return SPK_OK;
}

static spk_status put_stages(const struct spk_profiled *p, struct spk_query_profile *out, spk_error *err)
{
	out->stage = SPK_NEW_ARRAY(out->arena, struct spk_stage_profile, p->plan->stages);
	SPK_TRY_PTR(out->stage, err);
	for (int i = 0; i < p->plan->stages; i++) {
		struct spk_stage_profile *stage = &out->stage[out->stages++];
		struct spk_node_stats nodes;

		if (!spk_dag_stage_stats(p->dag, i, &stage->stats))
			stage->stats = (struct spk_stage_stats){ .tasks = spk_exec_tasks(p->exec, i) };
		spk_exec_stage(p->exec, i, &nodes);
		stage->spilled_bytes = nodes.spilled_bytes;
		stage->memory_peak = nodes.memory_peak;
		stage->what = describe_stage(p->plan, i, out->arena);
		SPK_TRY_PTR(stage->what, err);
		SPK_TRY(describe_decisions(&stage->stats, out->arena, &stage->adaptive, err));
	}
	return SPK_OK;
}

static spk_status make(const struct spk_session *s, const struct spk_profiled *p, struct spk_query_profile *out, spk_error *err)
{
	struct spk_spill_usage spilled;

	out->started_us = p->wall_us;
	out->elapsed_us = p->elapsed_us;
	out->rows = p->rows;
	out->cpu_us = p->result->cpu_us;
	out->tasks_run = p->result->tasks_run;
	out->tasks_failed = p->result->tasks_failed;
	out->tasks_recomputed = p->result->tasks_recomputed;
	out->shuffle_rows = p->result->shuffle_rows;
	out->shuffle_bytes = p->result->shuffle_bytes;
	out->memory_peak = (int64_t)spk_memory_peak();
	spk_spill_area_usage(p->spill, &spilled);
	out->spilled_bytes = spilled.written;
	SPK_TRY(put_stages(p, out, err));
	return s->timed || s->events ? put_plan(p, out, err) : SPK_OK;
}

void spk_session_keep_profile(struct spk_session *s, const struct spk_profiled *p)
{
	struct spk_arena *arena = spk_arena_new(NULL);
	struct spk_query_profile *profile = arena ? SPK_NEW(arena, struct spk_query_profile) : NULL;

	spk_session_drop_profile(s);
	if (profile)
		profile->arena = arena;
	if (!profile || make(s, p, profile, NULL) != SPK_OK)
		spk_arena_unref(arena);
	else
		s->profile = profile;
}

void spk_session_drop_profile(struct spk_session *s)
{
	if (s->profile)
		spk_arena_unref(s->profile->arena);
	s->profile = NULL;
}

const struct spk_query_profile *spk_session_profile(const struct spk_session *s) { return s->profile; }

void spk_session_time(struct spk_session *s, bool on) { s->timed = on; }
