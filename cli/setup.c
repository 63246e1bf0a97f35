/* What a command needs before it can work: session, log, the job's name and folder, signals. */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "core/base/check.h"
#include "core/base/file.h"
#include "core/base/log.h"
#include "core/base/wake.h"

/* --- configuration --- */

/* The environment outweighs the file, so it is read once more behind it. */
static spk_status load_configuration(struct spk_session *session, const char *path, spk_error *err)
{
	spk_status status = spk_session_load_configuration(session, path, err);

	if (status == SPK_OK)
		return spk_conf_load_environment(spk_session_conf(session), err);
	if (status == SPK_NOT_FOUND && err) {
		err->code = SPK_USAGE;
		spk_error_context(err, "--config");
	}
	return status == SPK_NOT_FOUND ? SPK_USAGE : status;
}

static spk_status apply_sets(const struct spk_cli_arguments *a, struct spk_conf *conf, spk_error *err)
{
	for (int i = 0; i < a->sets; i++) {
		const char *equals = strchr(a->set[i], '=');
		char *key = strndup(a->set[i], (size_t)(equals - a->set[i]));
		spk_status status;

		SPK_TRY_PTR(key, err);
		status = spk_conf_fix(conf, key, equals + 1, err);
		free(key);
		if (status != SPK_OK) {
			spk_error_context(err, "-s");
			return status;
		}
	}
	return SPK_OK;
}

/* Lines of the log go through the same door as our own, so that they do not tear a live line. */
static void log_line(const char *line, int size, void *user)
{
	(void)user;
	spk_cli_put_line(line, (size_t)size);
}

static spk_status setup_log(const struct spk_conf *conf, spk_error *err)
{
	const char *file = spk_conf_text(conf, SPK_CONF_LOG_FILE);

	if (spk_log_set_levels(spk_conf_text(conf, SPK_CONF_LOG_LEVEL), err) != SPK_OK) {
		spk_error_context(err, "log.level");
		return SPK_USAGE;
	}
	if (*file)
		return spk_log_open_file(file, err);
	spk_log_set_sink(log_line, NULL);
	return SPK_OK;
}

spk_status spk_cli_session_open(const struct spk_cli_arguments *a, struct spk_session **out, spk_error *err)
{
	struct spk_session *session = NULL;
	spk_status status;

	SPK_TRY(spk_session_new(&session, err));
	status = a->value[SPK_CLI_CONFIG] ? load_configuration(session, a->value[SPK_CLI_CONFIG], err) : SPK_OK;
	if (status == SPK_OK)
		status = apply_sets(a, spk_session_conf(session), err);
	if (status == SPK_OK)
		status = setup_log(spk_session_conf(session), err);
	if (status != SPK_OK) {
		spk_session_free(session);
		return status;
	}
	*out = session;
	return SPK_OK;
}

spk_status spk_cli_bind(struct spk_session *session, const struct spk_cli_script *script, struct spk_script *out, spk_error *err)
{
	bool sets = false;

	SPK_TRY(spk_session_bind(session, script->text, out, err));
	for (int i = 0; i < out->count; i++)
		sets = sets || out->statement[i].kind == SPK_STATEMENT_SET;
	return sets ? setup_log(spk_session_conf(session), err) : SPK_OK;
}

/* --- jobs --- */

/* "some/dir/delays.sql" to "delays". */
static char *name_of_file(const char *file)
{
	const char *slash = strrchr(file, '/'), *base = slash ? slash + 1 : file;
	size_t size = strlen(base);

	if (size > 4 && strcmp(base + size - 4, ".sql") == 0)
		size -= 4;
	return strndup(base, size);
}

static char *default_dir(const char *name)
{
	struct spk_buffer path = { 0 };

	if (spk_buffer_printf(&path, NULL, ".sparklet/%s", name) == SPK_OK && spk_buffer_cstr(&path)) {
		char *dir = strdup(path.data);

		spk_buffer_release(&path);
		return dir;
	}
	return NULL;
}

/* Takes `name` over. */
static spk_status set_job(const struct spk_cli_arguments *a, char *name, struct spk_cli_job *out, spk_error *err)
{
	const char *dir = a->value[SPK_CLI_DIR];

	*out = (struct spk_cli_job){ .name = name };
	SPK_TRY_PTR(name, err);
	SPK_TRY(spk_job_check_name(name, err));
	out->dir = dir ? strdup(dir) : default_dir(name);
	SPK_TRY_PTR(out->dir, err);
	return SPK_OK;
}

spk_status spk_cli_job_of_file(const struct spk_cli_arguments *a, const char *file, struct spk_cli_job *out, spk_error *err)
{
	const char *name = a->value[SPK_CLI_JOB];

	if (!name && strcmp(file, "-") == 0) {
		spk_fail(err, SPK_USAGE, "%s: SQL from standard input has no name to call the job by", a->command->name);
		return spk_hint(err, "add --job NAME");
	}
	return set_job(a, name ? strdup(name) : name_of_file(file), out, err);
}

/* "known: a, b": the folders in .sparklet. */
static void hint_known_jobs(const char *name, spk_error *err)
{
	struct spk_dir_entries jobs = { 0 };
	struct spk_arena *arena = spk_arena_new(NULL);
	const char *closest = NULL;

	if (arena && spk_dir_list(".sparklet", arena, &jobs, NULL) == SPK_OK && jobs.count)
		closest = spk_closest_name(name, jobs.name, jobs.count);
	if (closest)
		spk_hint(err, "did you mean '%s'? A job is named as it was by sparklet run; --dir DIR says where its folder is", closest);
	else
		spk_hint(err, "a job has a folder once sparklet run has started it, here in .sparklet/; --dir DIR names another place%s%s",
			 jobs.count == 1 ? "; there is: " : "", jobs.count == 1 ? jobs.name[0] : "");
	spk_arena_unref(arena);
}

spk_status spk_cli_job_named(const struct spk_cli_arguments *a, const char *name, struct spk_cli_job *out, spk_error *err)
{
	SPK_TRY(set_job(a, strdup(name), out, err));
	if (access(out->dir, F_OK) == 0)
		return SPK_OK;
	spk_fail(err, SPK_USAGE, "there is no job '%s' here: no folder %s", name, out->dir);
	if (err)
		hint_known_jobs(name, err);
	return SPK_USAGE;
}

void spk_cli_job_release(struct spk_cli_job *job)
{
	free(job->name);
	free(job->dir);
	*job = (struct spk_cli_job){ 0 };
}

static int find_action(const char *word, const char *const *actions, int count)
{
	for (int i = 0; i < count; i++)
		if (strcmp(word, actions[i]) == 0)
			return i;
	return -1;
}

/* The documented order first: a job may be called "list". */
spk_status spk_cli_job_action(const struct spk_cli_arguments *a, const char *const *actions, int count, int *action, const char **job, spk_error *err)
{
	const char *closest;

	for (int i = 1; i >= 0; i--) {
		*action = find_action(a->word[i], actions, count);
		*job = a->word[1 - i];
		if (*action >= 0)
			return SPK_OK;
	}
	closest = spk_closest_name(a->word[1], actions, count);
	spk_fail(err, SPK_USAGE, "%s: unknown action '%s'", a->command->name, a->word[1]);
	if (closest)
		return spk_hint(err, "did you mean 'sparklet %s %s %s'?", a->command->name, a->word[0], closest);
	return spk_hint(err, "usage: sparklet %s %s", a->command->name, a->command->synopsis);
}

/* --- signals --- */

/* A signal handler has no other way to know them. */
static struct spk_session *volatile cancelled;
static volatile sig_atomic_t signals;
static atomic_int last_signal;
static volatile sig_atomic_t wake = -1;

/* The one that asked for signals. What it frees another thread's handler might still be using, so those hand signals on to it. */
static pthread_t asking;

static void on_signal(int number)
{
	struct spk_session *session = cancelled;

	if (!pthread_equal(pthread_self(), asking)) {
		pthread_kill(asking, number);
		return;
	}
	signals = signals + 1;
	atomic_store(&last_signal, number);
	if (session)
		spk_session_cancel(session);
	else if (wake >= 0)
		spk_wake(wake);
	if (session && signals > 1)
		signal(number, SIG_DFL);
}

static void handle(void (*handler)(int))
{
	struct sigaction action = { .sa_handler = handler, .sa_flags = SA_RESTART }, now;

	asking = pthread_self();
	sigemptyset(&action.sa_mask);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, NULL, &now);
	if (now.sa_handler != SIG_IGN)  /* nohup */
		sigaction(SIGHUP, &action, NULL);
}

void spk_cli_cancel_on_signals(struct spk_session *session)
{
	if (session)
		signals = 0;
	cancelled = session;
	handle(session ? on_signal : SIG_DFL);
}

int spk_cli_signals(void)
{
	return signals;
}

int spk_cli_wait_on_signals(void)
{
	if (wake < 0)
		wake = spk_wake_new();
	cancelled = NULL;
	handle(on_signal);
	return wake;
}

int spk_cli_take_signal(void)
{
	spk_wake_clear(wake);  /* first: what comes in between is seen now, and wakes once more */
	return atomic_exchange(&last_signal, 0);
}
