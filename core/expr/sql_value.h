/* Between vectors and the values and columns of include/sparklet/value.h, and what functions of a session are called with. Private to core/expr. */
#ifndef SPK_CORE_EXPR_SQL_VALUE_H
#define SPK_CORE_EXPR_SQL_VALUE_H

#include "core/columnar/vector.h"
#include "sparklet/function.h"

struct spk_memory_account;

struct spk_function_context {
	void *user;
	struct spk_arena *arena;           /* NULL: made when it is needed, for whoever made the context to give back */
	struct spk_memory_account *account;/* of states' own memory, and of that arena */
};

/* Whether a value of the type has a place in struct spk_sql_value. */
bool spk_sql_value_holds(struct spk_type type);
struct spk_sql_value spk_sql_value_take(const struct spk_vector *v, const struct spk_reader *r, int32_t row);
struct spk_sql_value spk_sql_value_of(const struct spk_value *v);
/* A value that is not NULL into a row of a FLAT vector; its text is copied into `arena`. DATA when it does not fit: "gave 60000, which ..." */
spk_status spk_sql_value_put(const struct spk_sql_value *v, struct spk_vector *out, int32_t row, struct spk_arena *arena, spk_error *err);

/* Rows of vectors as columns: `column` points into the vectors where it can, else to `room`. */
enum { SPK_SQL_ROWS = 256 };
struct spk_sql_room { bool null[SPK_SQL_ROWS]; union { bool boolean[SPK_SQL_ROWS]; int64_t integer[SPK_SQL_ROWS]; double real[SPK_SQL_ROWS]; struct spk_text text[SPK_SQL_ROWS]; struct spk_decimal decimal[SPK_SQL_ROWS]; }; };
void spk_sql_column_take(const struct spk_vector *v, const int32_t *row, int rows, struct spk_sql_room *room, struct spk_sql_column *column);

#endif
