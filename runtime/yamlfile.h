/* yamlfile.h -- a YAML text as a tree of nodes with line numbers. */
#ifndef AZ_YAMLFILE_H
#define AZ_YAMLFILE_H

#include <stdbool.h>

#include "../codegen/arena.h"
#include "../codegen/diag.h"

typedef struct Yaml {
	const char *key;           /* in a mapping; else NULL */
	const char *value;         /* of a scalar; else NULL */
	struct Yaml *first, *next; /* children of a mapping or list; the next sibling */
	bool map;
	Loc loc;
} Yaml;

/* Throws on a syntax error. `shown` names the file in messages. */
Yaml *yaml_read(Diag *d, Arena *a, const char *text, const char *shown);
/* The child called `key`, or NULL. */
const Yaml *yaml_get(const Yaml *y, const char *key);
/* A scalar's number; throws when it is not one. */
double yaml_number(Diag *d, const Yaml *y);

#endif
