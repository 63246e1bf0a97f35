/*
 * Arguments into options and words. An option is `--name VALUE`, `--name=VALUE`, `-x VALUE` or `-xVALUE`; `--` ends them; they may stand
 * anywhere among the words.
 */
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "core/base/check.h"

struct option { const char *name; char letter; const char *takes; };

#define OPTION(id, name, letter, takes, help) { name, letter, takes },
static const struct option options[] = { SPK_CLI_OPTION_LIST(OPTION) };

const char *spk_cli_option_name(enum spk_cli_option option)
{
	return options[option].name;
}

static bool taken(const struct spk_cli_command *c, int option)
{
	return c->options >> option & 1 || option == SPK_CLI_HELP;
}

static spk_status unknown_option(const struct spk_cli_command *c, const char *argument, size_t size, spk_error *err)
{
	const char *names[SPK_CLI_OPTION_COUNT], *closest;
	char name[64];
	int count = 0;

	snprintf(name, sizeof name, "%.*s", (int)size, argument);
	for (int i = 0; i < SPK_CLI_OPTION_COUNT; i++)
		if (taken(c, i))
			names[count++] = options[i].name;
	spk_fail(err, SPK_USAGE, "%s: unknown option %s", c->name, name);
	closest = name[1] == '-' ? spk_closest_name(name + 2, names, count) : NULL;
	if (closest)
		spk_hint(err, "did you mean --%s? sparklet %s --help lists all options", closest, c->name);
	else
		spk_hint(err, "sparklet %s --help lists its options", c->name);
	return SPK_USAGE;
}

/* Which option `argument` is; *value: what follows in the same argument, NULL when nothing does. -1: none of the command's. */
static int find(const struct spk_cli_command *c, const char *argument, const char **value)
{
	size_t size = strcspn(argument, "=");

	*value = NULL;
	for (int i = 0; i < SPK_CLI_OPTION_COUNT; i++) {
		const struct option *o = &options[i];

		if (!taken(c, i))
			continue;
		if (argument[1] != '-' && o->letter == argument[1]) {
			*value = argument[2] ? argument + 2 : NULL;
			return i;
		}
		if (argument[1] == '-' && strlen(o->name) == size - 2 && strncmp(o->name, argument + 2, size - 2) == 0) {
			*value = argument[size] ? argument + size + 1 : NULL;
			return i;
		}
	}
	return -1;
}

static spk_status store(const char *argument, int option, const char *value, struct spk_cli_arguments *out, spk_error *err)
{
	const struct spk_cli_command *c = out->command;

	if (option == SPK_CLI_SET) {
		if (!strchr(value, '=')) {
			spk_fail(err, SPK_USAGE, "%s %s: expected KEY=VALUE", argument, value);
			return spk_hint(err, "for example: -s epoch.interval=50ms; docs/configuration.md lists the keys");
		}
		if (out->sets == SPK_CLI_SETS)
			return spk_fail(err, SPK_USAGE, "-s is given more than %d times", SPK_CLI_SETS);
		out->set[out->sets++] = value;
		return SPK_OK;
	}
	if (out->value[option] && options[option].takes) {
		spk_fail(err, SPK_USAGE, "%s: --%s is given twice", c->name, options[option].name);
		return spk_hint(err, "leave one of them out");
	}
	out->value[option] = value;
	return SPK_OK;
}

static spk_status take_option(int argc, char **argv, int *at, struct spk_cli_arguments *out, spk_error *err)
{
	const char *argument = argv[*at], *value;
	int option = find(out->command, argument, &value);

	if (option < 0)
		return unknown_option(out->command, argument, argument[1] == '-' ? strcspn(argument, "=") : 2, err);
	if (!options[option].takes) {
		if (value)
			return spk_fail(err, SPK_USAGE, "%s: --%s takes no value", out->command->name, options[option].name);
		return store(argument, option, "", out, err);
	}
	if (!value) {
		if (*at + 1 == argc) {
			spk_fail(err, SPK_USAGE, "%s: %s needs a value", out->command->name, argument);
			return spk_hint(err, "%s %s", argument, options[option].takes);
		}
		value = argv[++*at];
	}
	return store(argument, option, value, out, err);
}

spk_status spk_cli_parse(const struct spk_cli_command *command, int argc, char **argv, struct spk_cli_arguments *out, spk_error *err)
{
	bool only_words = false;

	*out = (struct spk_cli_arguments){ .command = command };
	for (int i = 0; i < argc; i++) {
		if (!only_words && argv[i][0] == '-' && argv[i][1]) {
			only_words = strcmp(argv[i], "--") == 0;
			if (!only_words)
				SPK_TRY(take_option(argc, argv, &i, out, err));
			continue;
		}
		if (out->words == command->max_words || out->words == SPK_CLI_WORDS) {
			spk_fail(err, SPK_USAGE, "%s: unexpected argument '%s'", command->name, argv[i]);
			return spk_hint(err, "usage: sparklet %s %s", command->name, command->synopsis);
		}
		out->word[out->words++] = argv[i];
	}
	if (out->words < command->min_words && !out->value[SPK_CLI_HELP]) {
		spk_fail(err, SPK_USAGE, "%s: an argument is missing", command->name);
		return spk_hint(err, "usage: sparklet %s %s", command->name, command->synopsis);
	}
	return SPK_OK;
}

spk_status spk_cli_number(const struct spk_cli_arguments *a, enum spk_cli_option option, int64_t *out, spk_error *err)
{
	const char *value = a->value[option];
	int64_t number;

	if (!value)
		return SPK_OK;
	if (spk_conf_parse_int(value, &number, NULL) != SPK_OK || number < 0) {
		spk_fail(err, SPK_USAGE, "--%s %s: expected a whole number from 0 on", options[option].name, value);
		return spk_hint(err, "for example: --%s 5", options[option].name);
	}
	*out = number;
	return SPK_OK;
}
