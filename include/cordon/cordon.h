/* SPDX-License-Identifier: Apache-2.0
 * The C interface: load a policy, run a command under it, wait, read events.
 *
 *   cordon_error *error = NULL;
 *   cordon_policy *policy = cordon_policy_preset("safe", &error);
 *   const char *const argv[] = {"make", "test", NULL};
 *   struct cordon_request request = CORDON_REQUEST(argv);
 *   cordon_sandbox *sandbox = policy ? cordon_start(policy, &request, &error) : NULL;
 *   int status = 125;
 *   if (!sandbox || cordon_wait(sandbox, -1, &status, &error) < 0) fprintf(stderr, "%s\n", cordon_error_sentence(error));
 *   cordon_sandbox_free(sandbox);
 *   cordon_policy_free(policy);
 *   cordon_error_free(error);
 *   exit(status);
 *
 * What <cordon/sandbox.hpp> says of its caller holds here too: no thread, no signal handler, no global state, no descriptor
 * that a child would inherit. Every function takes NULL for its `error`, and every _free function takes NULL; NULL for another
 * object is an error as others are. Text is UTF-8 as far as its source is, and ends in NUL. An object belongs to one thread at a time.
 */
#ifndef CORDON_CORDON_H
#define CORDON_CORDON_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define CORDON_API __attribute__((visibility("default")))

/* "0.1.0", of the library that was loaded. */
CORDON_API const char* cordon_version(void);

typedef struct cordon_error cordon_error;
enum cordon_error_kind {
  CORDON_REFUSED = 0,    /* the caller can act */
  CORDON_IMPOSSIBLE = 1, /* this host lacks something */
  CORDON_BUG = 2         /* Cordon is wrong */
};
/* What failed, why, and what to do about it, in one line. Lives as long as `error`. NULL gives "no error". */
CORDON_API const char* cordon_error_sentence(const cordon_error* error);
CORDON_API enum cordon_error_kind cordon_error_kind_of(const cordon_error* error);
/* errno(3) of the failing call, or 0. */
CORDON_API int cordon_error_errno(const cordon_error* error);
/* What `cordon run` would exit with: 125, 126 or 127. */
CORDON_API int cordon_error_status(const cordon_error* error);
CORDON_API void cordon_error_free(cordon_error* error);

/* A policy cannot be changed; compose makes a narrower one. NULL: `*error` says why, if `error` is not NULL. */
typedef struct cordon_policy cordon_policy;
CORDON_API cordon_policy* cordon_policy_preset(const char* name, cordon_error** error);
/* A TOML or JSON file, see docs/policy.md. */
CORDON_API cordon_policy* cordon_policy_load(const char* path, cordon_error** error);
/* The same from memory; `name` is for error messages. */
CORDON_API cordon_policy* cordon_policy_parse(const char* text, size_t length, const char* name, cordon_error** error);
/* What both allow. */
CORDON_API cordon_policy* cordon_policy_compose(const cordon_policy* parent, const cordon_policy* child);
/* The policy as JSON; free it with cordon_text_free. */
CORDON_API char* cordon_policy_json(const cordon_policy* policy);
CORDON_API void cordon_policy_free(cordon_policy* policy);

/* Standard streams of a request: a descriptor, or one of these. */
#define CORDON_NULL (-1)    /* /dev/null */
#define CORDON_INHERIT (-2) /* the caller's own */
#define CORDON_PIPE (-3)    /* a new pipe, see cordon_take */

/* Fields are only ever added at the end; `size` says which the caller knows. Fill it with CORDON_REQUEST. */
struct cordon_request {
  size_t size;             /* sizeof(struct cordon_request) */
  const char* const* argv; /* ends in NULL */
  const char* const* envp; /* NAME=VALUE, ends in NULL; NULL: the caller's environ(7). The policy decides what passes. */
  const char* project;     /* NULL: the working directory */
  const char* cwd;         /* NULL: the caller's */
  const char* program;     /* the `cordon` program; NULL: the one of this installation */
  int input, output, error;
};
#define CORDON_REQUEST(argv_) {sizeof(struct cordon_request), (argv_), NULL, NULL, NULL, NULL, CORDON_INHERIT, CORDON_INHERIT, CORDON_INHERIT}

typedef struct cordon_sandbox cordon_sandbox;
/* Starts the command and returns at once. NULL: `*error` says why. */
CORDON_API cordon_sandbox* cordon_start(const cordon_policy* policy, const struct cordon_request* request, cordon_error** error);
/* Waits at most `timeout` milliseconds (negative: for ever). 1: the command ended, `*status` is as `cordon run` exits.
 * 0: it still runs. -1: it did not start; `*status` is 125, 126 or 127, `*error` says why. */
CORDON_API int cordon_wait(cordon_sandbox* sandbox, int timeout, int* status, cordon_error** error);
/* The next event as a line of JSON without the newline, within `timeout` milliseconds (negative: for ever); free it with
 * cordon_text_free. NULL: none came, or the command ended and all were read. */
CORDON_API char* cordon_next_event(cordon_sandbox* sandbox, int timeout);
/* Readable (poll(2)) when cordon_next_event or cordon_wait has something to do. Not to be closed or read. */
CORDON_API int cordon_event_fd(const cordon_sandbox* sandbox);
/* Events that were dropped because nobody read; known after the end. */
CORDON_API uint64_t cordon_events_lost(const cordon_sandbox* sandbox);
/* Sends a signal to the command; SIGKILL ends all of its processes; SIGSTOP cannot be sent. -1: it has ended. */
CORDON_API int cordon_kill(cordon_sandbox* sandbox, int signal, cordon_error** error);
/* The caller's end of a CORDON_PIPE stream (0, 1, 2), once; the caller closes it. -1: there is none. */
CORDON_API int cordon_take(cordon_sandbox* sandbox, int stream);
/* Ends the command if it still runs. */
CORDON_API void cordon_sandbox_free(cordon_sandbox* sandbox);

CORDON_API void cordon_text_free(char* text);

#ifdef __cplusplus
}
#endif
#endif
