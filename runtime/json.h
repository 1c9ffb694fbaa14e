/* json.h -- JSON, written as it comes. Keys are NULL inside lists. */
#ifndef AZ_JSON_H
#define AZ_JSON_H

#include <stdbool.h>
#include <stdio.h>

typedef struct Json {
	FILE *f;
	int depth;
	bool some[16]; /* this level has an item already */
	char close[16];
} Json;

void json_begin(Json *j, FILE *f);                      /* opens the outermost object */
void json_end(Json *j);                                 /* closes it, with a newline */
void json_open(Json *j, const char *key, char bracket); /* '{' or '[' */
void json_close(Json *j);
void json_text(Json *j, const char *key, const char *value); /* NULL: null */
void json_number(Json *j, const char *key, double value);    /* not finite: null */
void json_int(Json *j, const char *key, long long value);
void json_bool(Json *j, const char *key, bool value);

#endif
