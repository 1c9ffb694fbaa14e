/* diag.h -- one-line errors. A user's mistake is thrown with diag_fail and caught at the API
 * boundary by DIAG_TRY; a mistake of the compiler's own is bug(), which aborts.
 */
#ifndef AZ_DIAG_H
#define AZ_DIAG_H

#include <setjmp.h>

typedef struct Loc {
	const char *file; /* as shown to the author, e.g. "specs/based_prefill.lua"; NULL: no place */
	int line;
} Loc;

/* Exit statuses of the command line (DESIGN section 5). */
enum { ST_OK = 0, ST_CHECK = 1, ST_USER = 2, ST_ENV = 3 };

typedef struct Diag {
	jmp_buf env;
	int armed;
	int status;      /* ST_USER or ST_ENV */
	char text[1024]; /* "file:line: message; hint", one line, no newline */
} Diag;

/* if (DIAG_TRY(d)) { error: d->text } else { ... } */
#define DIAG_TRY(d) ((d)->armed = 1, (d)->text[0] = 0, setjmp((d)->env))

_Noreturn void diag_fail(Diag *d, Loc at, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
_Noreturn void diag_env(Diag *d, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
_Noreturn void bug(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
