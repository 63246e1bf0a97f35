/* What test_arrow.py loads: batches from pyarrow's pointers and back to them. */
#include <stdlib.h>

#include "core/columnar/arrow_c.h"

enum { MAX_BATCHES = 16 };

struct probe {
	struct spk_arena *arena;
	struct spk_schema *schema;
	struct spk_batch *batch[MAX_BATCHES];
	int batches;
};

static spk_error last;

const char *probe_error(void);
void probe_free(struct probe *p);
struct probe *probe_import(struct ArrowSchema *schema, struct ArrowArray *array);
int probe_batches(const struct probe *p);
const char *probe_type(const struct probe *p, int column);
int probe_reencode(struct probe *p, int batch, unsigned long long seed);
int probe_export_schema(struct probe *p, int exact, struct ArrowSchema *out);
int probe_export(struct probe *p, int batch, struct ArrowArray *out);

const char *probe_error(void)
{
	return last.message;
}

void probe_free(struct probe *p)
{
	for (int i = 0; i < p->batches; i++)
		spk_batch_unref(p->batch[i]);
	spk_arena_unref(p->arena);
	free(p);
}

/* Takes the array, borrows the schema. NULL: see probe_error. */
struct probe *probe_import(struct ArrowSchema *schema, struct ArrowArray *array)
{
	struct probe *p = calloc(1, sizeof(*p));
	int64_t from = 0, length = array->length;
	spk_status status;

	p->arena = spk_arena_new(NULL);
	status = spk_arrow_import_schema(schema, p->arena, &p->schema, &last);
	do {
		if (!status)
			status = spk_arrow_import_batch(array, p->schema, &from, &p->batch[p->batches], &last);
		p->batches += !status;
	} while (!status && from < length);
	/* The schema was refused: the array is still ours to give back. */
	if (array->release)
		array->release(array);
	if (!status)
		return p;
	probe_free(p);
	return NULL;
}

int probe_batches(const struct probe *p)
{
	return p->batches;
}

const char *probe_type(const struct probe *p, int column)
{
	static char name[64];

	return spk_type_format(p->schema->field[column].type, name, sizeof(name));
}

int probe_reencode(struct probe *p, int batch, unsigned long long seed)
{
	struct spk_batch *again = NULL;
	spk_status status = spk_batch_reencode(&again, p->batch[batch], seed, &last);

	if (!status) {
		spk_batch_unref(p->batch[batch]);
		p->batch[batch] = again;
	}
	return (int)status;
}

int probe_export_schema(struct probe *p, int exact, struct ArrowSchema *out)
{
	struct spk_schema *schema = p->schema;

	if (exact && spk_arrow_exact_schema(p->batch, p->batches, p->schema, p->arena, &schema, &last))
		return (int)last.code;
	return (int)spk_arrow_export_schema(schema, out, &last);
}

int probe_export(struct probe *p, int batch, struct ArrowArray *out)
{
	return (int)spk_arrow_export_batch(p->batch[batch], out, &last);
}
