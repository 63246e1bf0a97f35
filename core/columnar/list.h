/*
 * Making ARRAY vectors, and taking elements out of them.
 *
 * A kernel that makes arrays says for every row which elements of which vectors it holds; when all rows are said, each vector
 * is gathered once. Rows come in ascending order; those left out are empty arrays. Everything lies in one arena.
 */
#ifndef SPK_CORE_COLUMNAR_LIST_H
#define SPK_CORE_COLUMNAR_LIST_H

#include "core/columnar/vector.h"

enum { SPK_LIST_NULL = UINT16_MAX };    /* as a source: a NULL element */

struct spk_list_builder {
	struct spk_arena *arena;
	struct spk_vector *out;             /* FLAT ARRAY of `rows` rows, as spk_vector_init made it */
	int rows;
	const struct spk_vector *source;    /* vectors of the element type, in any layout */
	int sources;
	int32_t *element;                   /* by pick: a row of its source */
	uint16_t *from;                     /* by pick: its source; NULL while there is one source and no NULL */
	int count, capacity;
	int next;                           /* rows before it have their elements */
};

/* `out` is written by spk_list_finish; its bitmap stays as it is. `source` may be NULL when only NULLs are picked. */
static inline struct spk_list_builder spk_list_builder(struct spk_vector *out, int rows, const struct spk_vector *source, int sources, struct spk_arena *arena)
{
	return (struct spk_list_builder){ .arena = arena, .out = out, .rows = rows, .source = source, .sources = sources };
}
/* Adds rows first..end (excluded) of a source to the row being made. */
spk_status spk_list_pick(struct spk_list_builder *b, int source, int32_t first, int32_t end, spk_error *err);
/* Ends row `row`: it holds what was picked since the last end. */
void spk_list_end(struct spk_list_builder *b, int row);
/* Gathers the elements. UNSUPPORTED beyond 2^30 of them. */
spk_status spk_list_finish(struct spk_list_builder *b, spk_error *err);

/* Row r of *out, for r in sel[0..n) (NULL: 0..n), is row index[r] of `from`, NULL when that is negative. Other rows are NULL.
 * Shares view bytes. */
spk_status spk_vector_take(struct spk_vector *out, const struct spk_vector *from, const int32_t *index, int rows, const int32_t *sel, int n, struct spk_arena *arena, spk_error *err);
/* Joins n dense pieces: row sel[p][i] of *out is row sel[p][i] of piece p. Rows of no piece are NULL. */
struct spk_vector_piece { struct spk_vector vector; const int32_t *sel; int n; };
spk_status spk_vector_join(struct spk_vector *out, struct spk_type type, const struct spk_vector_piece *piece, int pieces, int rows, struct spk_arena *arena, spk_error *err);

#endif
