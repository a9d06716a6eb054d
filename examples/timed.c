/* SPDX-License-Identifier: Apache-2.0
 * Runs a command in the project and ends it after SECONDS:  timed SECONDS COMMAND [ARG...] */
#include <cordon/cordon.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char** argv) {
  if (argc < 3) return fprintf(stderr, "usage: timed SECONDS COMMAND [ARG...]\n"), 2;
  cordon_error* error = NULL;
  cordon_policy* policy = cordon_policy_preset("safe", &error);
  struct cordon_request request = CORDON_REQUEST((const char* const*)(argv + 2));
  cordon_sandbox* sandbox = policy ? cordon_start(policy, &request, &error) : NULL;
  int status = 125;
  int ended = sandbox ? cordon_wait(sandbox, 1000 * atoi(argv[1]), &status, &error) : -1;
  if (ended == 0) {
    fprintf(stderr, "timed: %s is ended after %s s\n", argv[2], argv[1]);
    cordon_kill(sandbox, SIGKILL, NULL);
    ended = cordon_wait(sandbox, -1, &status, &error);
  }
  if (ended < 0) fprintf(stderr, "timed: %s\n", cordon_error_sentence(error));
  cordon_sandbox_free(sandbox);
  cordon_policy_free(policy);
  cordon_error_free(error);
  return status;
}
