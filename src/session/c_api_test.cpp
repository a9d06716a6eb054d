// SPDX-License-Identifier: Apache-2.0
#include <cordon/cordon.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <memory>
#include <string>

namespace cordon {
namespace {

using testing::HasSubstr;

// The error of the last call; gone with the next one.
struct Said {
  cordon_error* error = nullptr;
  ~Said() { cordon_error_free(error); }
  operator cordon_error**() { return &error; }
  std::string sentence() const { return cordon_error_sentence(error); }
};

using PolicyHandle = std::unique_ptr<cordon_policy, decltype(&cordon_policy_free)>;
using SandboxHandle = std::unique_ptr<cordon_sandbox, decltype(&cordon_sandbox_free)>;

TEST(CInterface, NullIsAnErrorAndNoCrash) {
  Said said;
  const PolicyHandle safe(cordon_policy_preset("safe", said), cordon_policy_free);
  ASSERT_TRUE(safe) << said.sentence();
  const char* const argv[] = {"true", nullptr};
  const cordon_request request = CORDON_REQUEST(argv);
  const auto refused = [&](const void* made, const char* what) {
    EXPECT_EQ(made, nullptr) << what;
    EXPECT_THAT(said.sentence(), HasSubstr(std::string(what) + " is NULL"));
    EXPECT_EQ(cordon_error_status(said.error), 125);
  };
  refused(cordon_policy_preset(nullptr, said), "name of the preset");
  refused(cordon_policy_load(nullptr, said), "path of the policy");
  refused(cordon_policy_parse(nullptr, 3, "x", said), "text of the policy");
  refused(cordon_policy_parse("version = 1", 11, nullptr, said), "name of the policy");
  refused(cordon_start(nullptr, &request, said), "the policy");
  refused(cordon_start(safe.get(), nullptr, said), "the request");
  EXPECT_EQ(cordon_policy_preset(nullptr, nullptr), nullptr);
  EXPECT_EQ(cordon_policy_compose(safe.get(), nullptr), nullptr);
  EXPECT_EQ(cordon_policy_compose(nullptr, safe.get()), nullptr);
  EXPECT_EQ(cordon_policy_json(nullptr), nullptr);
  int status = 0;
  EXPECT_EQ(cordon_wait(nullptr, 0, &status, said), -1);
  EXPECT_EQ(status, 125);
  EXPECT_EQ(cordon_kill(nullptr, SIGTERM, said), -1);
  EXPECT_EQ(cordon_next_event(nullptr, 0), nullptr);
  EXPECT_EQ(cordon_event_fd(nullptr), -1);
  EXPECT_EQ(cordon_events_lost(nullptr), 0U);
  EXPECT_EQ(cordon_take(nullptr, 0), -1);
  cordon_sandbox_free(nullptr);
  cordon_policy_free(nullptr);
  cordon_text_free(nullptr);
  cordon_error_free(nullptr);
}

TEST(CInterface, ARequestOfAnotherSizeOrWithoutACommandIsRefused) {
  Said said;
  const PolicyHandle safe(cordon_policy_preset("safe", said), cordon_policy_free);
  ASSERT_TRUE(safe) << said.sentence();
  const char* const none[] = {nullptr};
  cordon_request request = CORDON_REQUEST(none);
  EXPECT_EQ(cordon_start(safe.get(), &request, said), nullptr);
  EXPECT_THAT(said.sentence(), HasSubstr("no command was given"));
  request.size = 1;
  EXPECT_EQ(cordon_start(safe.get(), &request, said), nullptr);
  EXPECT_THAT(said.sentence(), HasSubstr("CORDON_REQUEST"));
}

TEST(CInterface, StopIsNotSentToWhoWatchesTheCommand) {
  Said said;
  const PolicyHandle safe(cordon_policy_preset("safe", said), cordon_policy_free);
  ASSERT_TRUE(safe) << said.sentence();
  const char* const argv[] = {"sleep", "60", nullptr};
  const cordon_request request = CORDON_REQUEST(argv);
  const SandboxHandle sandbox(cordon_start(safe.get(), &request, said), cordon_sandbox_free);
  ASSERT_TRUE(sandbox) << said.sentence();
  EXPECT_EQ(cordon_kill(sandbox.get(), SIGSTOP, said), -1);
  EXPECT_THAT(said.sentence(), HasSubstr("SIGTSTP"));
  EXPECT_EQ(cordon_kill(sandbox.get(), SIGKILL, said), 0) << said.sentence();
  EXPECT_NE(cordon_wait(sandbox.get(), 20'000, nullptr, said), 0);
}

}  // namespace
}  // namespace cordon
