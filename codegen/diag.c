/* diag.c -- one-line errors, thrown to the API boundary. */
#include "diag.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static _Noreturn void diag_throw(Diag *d, int status)
{
	d->status = status;
	if (!d->armed)
		bug("error outside DIAG_TRY: %s", d->text);
	longjmp(d->env, 1);
}

_Noreturn void diag_fail(Diag *d, Loc at, const char *fmt, ...)
{
	va_list ap;
	int n = 0;

	if (at.file && at.line > 0)
		n = snprintf(d->text, sizeof d->text, "%s:%d: ", at.file, at.line);
	else if (at.file)
		n = snprintf(d->text, sizeof d->text, "%s: ", at.file);
	va_start(ap, fmt);
	vsnprintf(d->text + n, sizeof d->text - (size_t)n, fmt, ap);
	va_end(ap);
	diag_throw(d, ST_USER);
}

_Noreturn void diag_env(Diag *d, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(d->text, sizeof d->text, fmt, ap);
	va_end(ap);
	diag_throw(d, ST_ENV);
}

_Noreturn void bug(const char *fmt, ...)
{
	va_list ap;

	fputs("azulejo: internal error: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	abort();
}
