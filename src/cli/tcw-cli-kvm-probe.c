/* The verb `kvm-probe`, which the program runs as its own child: it may hang or crash where KVM is broken. */
#include <stdio.h>
#include <unistd.h>

#include "cli/tcw-cli.h"
#include "tcw-qemu-kvm-probe.h"

#define TIME_LIMIT_SECONDS 4

int
tcw_cli_kvm_probe (TcwCli *cli, int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  double seconds = 0;

  /* Ends the process, whatever the kernel makes of the guest. */
  alarm (TIME_LIMIT_SECONDS);
  if (!tcw_qemu_kvm_probe_run (&seconds, &error))
    {
      fprintf (stderr, "%s\n", error->message);
      return TCW_EXIT_TASK_FAILED;
    }
  printf ("%.6f\n", seconds);
  return TCW_EXIT_OK;
}
