/* child.c -- this program again, in a process of its own. */
#define _GNU_SOURCE
#include "child.h"
#include "cli.h"

#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MAX_ARGV = 256 };

static void become(const char *const *argv, int out, int err)
{
	const char *full[MAX_ARGV] = {"azulejo"};
	int i;

	for (i = 0; argv[i] && i < MAX_ARGV - 2; i++)
		full[i + 1] = argv[i];
	dup2(out, 1);
	dup2(err, 2);
	execv("/proc/self/exe", (char *const *)full);
	_exit(127);
}

/* Reads both pipes until they close or time runs out; true when they closed. */
static bool collect(struct pollfd fd[2], Text text[2], double until)
{
	char buf[4096];
	ssize_t n;
	int i;

	while (fd[0].fd >= 0 || fd[1].fd >= 0) {
		double left = until - clock_seconds();
		if (left <= 0 || poll(fd, 2, (int)(left * 1000) + 1) < 0)
			return false;
		for (i = 0; i < 2; i++) {
			if (fd[i].fd < 0 || !fd[i].revents)
				continue;
			n = read(fd[i].fd, buf, sizeof buf);
			if (n > 0)
				text_add(&text[i], "%.*s", (int)n, buf);
			else
				fd[i].fd = -1;
		}
	}
	return true;
}

int child_run(Arena *a, const char *const *argv, double seconds, const char **out, const char **err)
{
	Text text[2] = {{a, NULL, 0, 0}, {a, NULL, 0, 0}};
	struct pollfd fd[2];
	int to[2][2], status = 0;
	char *line;
	pid_t pid;

	*out = *err = "";
	if (pipe(to[0]) || pipe(to[1]))
		return -1;
	fflush(NULL);
	pid = fork();
	if (!pid)
		become(argv, to[0][1], to[1][1]);
	close(to[0][1]);
	close(to[1][1]);
	fd[0] = (struct pollfd){to[0][0], POLLIN, 0};
	fd[1] = (struct pollfd){to[1][0], POLLIN, 0};
	if (pid > 0 && !collect(fd, text, clock_seconds() + seconds)) {
		kill(pid, SIGKILL);
		text_add(&text[1], "killed after %.0f s", seconds);
	}
	close(to[0][0]);
	close(to[1][0]);
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -1;
	*out = text[0].s ? text[0].s : "";
	if (text[1].s) {
		while (text[1].len && text[1].s[text[1].len - 1] == '\n')
			text[1].s[--text[1].len] = 0;
		line = strrchr(text[1].s, '\n');
		*err = line ? line + 1 : text[1].s;
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}
