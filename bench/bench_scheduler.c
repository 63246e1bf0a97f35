/* What a run of a small graph costs apart from its tasks: bench_scheduler [runs]. Two stages, 4 tasks into 4, on 2 threads; then 1 into 1. */
#include <stdio.h>
#include <stdlib.h>

#include "core/base/clock.h"
#include "scheduler/dag.h"

static spk_status nothing(struct spk_task *task, spk_error *err)
{
	(void)task;
	(void)err;
	return SPK_OK;
}

static void measure(struct spk_dag_scheduler *s, int tasks, int runs)
{
	static const int first[] = { 0 };
	const struct spk_stage stage[] = {
		{ .name = "a", .tasks = tasks, .output_partitions = tasks, .run = nothing, .repeatable = true },
		{ .name = "b", .tasks = tasks, .inputs = 1, .input = first, .run = nothing, .repeatable = true },
	};
	const struct spk_dag dag = { .name = "bench", .epoch = { 1 }, .stages = 2, .stage = stage };
	int64_t start = spk_clock_monotonic_us(), cpu = spk_clock_process_cpu_us();

	for (int i = 0; i < runs; i++)
		if (spk_dag_run(s, &dag, NULL, NULL) != SPK_OK)
			exit(1);
	printf("2 stages of %d: %6.1f us/run, %6.1f us CPU\n", tasks, (double)(spk_clock_monotonic_us() - start) / runs,
	       (double)(spk_clock_process_cpu_us() - cpu) / runs);
}

int main(int argc, char **argv)
{
	int runs = argc > 1 ? atoi(argv[1]) : 20000;
	struct spk_executor_backend *executor;
	struct spk_dag_options options = { 0 };
	struct spk_dag_scheduler *s;

	if (runs < 1 || spk_local_executor_new(&executor, 2, NULL) != SPK_OK || spk_fifo_scheduler_new(&options.tasks, executor, NULL) != SPK_OK ||
	    spk_local_shuffle_new(&options.shuffle, NULL, NULL) != SPK_OK || spk_dag_scheduler_new(&s, &options, NULL) != SPK_OK)
		return 1;
	measure(s, 4, runs);
	measure(s, 1, runs);
	spk_dag_scheduler_free(s);
	options.tasks->type->close(options.tasks);
	executor->type->close(executor);
	options.shuffle->type->close(options.shuffle);
	return 0;
}
