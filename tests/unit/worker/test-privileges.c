/* Who the worker may step down to, and that it refuses before it changes anything. */
#include <pwd.h>
#include <unistd.h>

#include "base/tcw-error.h"
#include "host/tcw-privileges.h"
#include "tcw-test.h"

static const struct
{
  const char *user;
  const char *message;
} refused[] = {
  { "no-such-user-at-all", "the worker's user “no-such-user-at-all” does not exist; make it with "
                           "`useradd --system --user-group no-such-user-at-all`, or name another one as “user” in the configuration" },
  { "", "the worker's user “” does not exist; make it with `useradd --system --user-group `, or name another one as “user” in the "
        "configuration" },
  { "root", "the worker's user “root” is root; name another one as “user” in the configuration" },
};

static void
test_refused (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (refused); i++)
    {
      g_autoptr (GError) look_up_error = NULL;
      g_autoptr (GError) step_down_error = NULL;
      uid_t uid = 77;
      gid_t gid = 77;
      uid_t before = geteuid ();

      g_assert_false (tcw_privileges_look_up (refused[i].user, &uid, &gid, &look_up_error));
      g_assert_error (look_up_error, TCW_ERROR, TCW_ERROR_USAGE);
      g_assert_cmpstr (look_up_error->message, ==, refused[i].message);
      g_assert_cmpuint (uid, ==, 77);
      g_assert_cmpuint (gid, ==, 77);

      g_assert_false (tcw_privileges_step_down (refused[i].user, &step_down_error));
      g_assert_error (step_down_error, TCW_ERROR, TCW_ERROR_USAGE);
      g_assert_cmpstr (step_down_error->message, ==, refused[i].message);
      g_assert_cmpuint (geteuid (), ==, before);
    }
}

static void
test_look_up (void)
{
  const struct passwd *nobody = getpwnam ("nobody");
  g_autoptr (GError) error = NULL;
  uid_t uid = 0;
  gid_t gid = 0;

  if (nobody == NULL)
    {
      g_test_skip ("this system has no user nobody");
      return;
    }
  g_assert_true (tcw_privileges_look_up ("nobody", &uid, &gid, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (uid, ==, nobody->pw_uid);
  g_assert_cmpuint (gid, ==, nobody->pw_gid);
}

/* In a process of its own: there is no way back. */
static void
test_step_down_child (void)
{
  g_autoptr (GError) error = NULL;
  uid_t real, effective, saved;

  if (geteuid () != 0)
    {
      g_assert_false (tcw_privileges_step_down ("nobody", &error));
      g_assert_error (error, TCW_ERROR, TCW_ERROR_FATAL);
      return;
    }
  g_assert_true (tcw_privileges_step_down ("nobody", &error));
  g_assert_no_error (error);
  g_assert_cmpint (getresuid (&real, &effective, &saved), ==, 0);
  g_assert_cmpuint (real, !=, 0);
  g_assert_cmpuint (effective, ==, real);
  g_assert_cmpuint (saved, ==, real);
  g_assert_cmpint (setuid (0), ==, -1);
  g_assert_cmpint (setgid (0), ==, -1);
}

static void
test_step_down (void)
{
  if (getpwnam ("nobody") == NULL)
    {
      g_test_skip ("this system has no user nobody");
      return;
    }
  g_test_trap_subprocess ("/privileges/step-down/subprocess", 0, G_TEST_SUBPROCESS_INHERIT_STDERR);
  g_test_trap_assert_passed ();
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/privileges/refused", test_refused);
  g_test_add_func ("/privileges/look-up", test_look_up);
  g_test_add_func ("/privileges/step-down", test_step_down);
  g_test_add_func ("/privileges/step-down/subprocess", test_step_down_child);
  return tcw_test_run ();
}
