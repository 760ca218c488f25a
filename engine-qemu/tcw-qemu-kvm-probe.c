/* The tiny guest that tells whether KVM is native; see tcw-qemu-kvm-probe.h and the kernel's KVM API documentation. */
#include "tcw-qemu-kvm-probe.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/tcw-error.h"

#define MEMORY_SIZE (4u * 1024 * 1024)
#define PML4_AT 0x1000u
#define PDPT_AT 0x2000u
#define PD_AT 0x3000u
#define CODE_AT 0x8000u
#define MAX_EXITS 100000

#define PTE_PRESENT_WRITE 3u
#define PTE_LARGE 0x80u

typedef struct
{
  int kvm;
  int vm;
  int vcpu;
  guint8 *memory;
  struct kvm_run *run;
  gsize run_size;
} Probe;

/* clang-format off */
static const guint8 guest_code[] = {
  0xb9, 0x40, 0x0d, 0x03, 0x00,                   /*       mov $200000, %ecx       */
  0x48, 0x89, 0x0c, 0x25, 0x00, 0x00, 0x20, 0x00, /* loop: mov %rcx, 0x200000      */
  0x0f, 0x20, 0xd8,                               /*       mov %cr3, %rax          */
  0x0f, 0x22, 0xd8,                               /*       mov %rax, %cr3          */
  0xff, 0xc9,                                     /*       dec %ecx                */
  0x75, 0xee,                                     /*       jnz loop                */
  0xf4,                                           /*       hlt                     */
};
/* clang-format on */

static void
probe_clear (Probe *probe)
{
  if (probe->run != NULL)
    munmap (probe->run, probe->run_size);
  if (probe->memory != NULL)
    munmap (probe->memory, MEMORY_SIZE);
  if (probe->vcpu >= 0)
    close (probe->vcpu);
  if (probe->vm >= 0)
    close (probe->vm);
  if (probe->kvm >= 0)
    close (probe->kvm);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Probe, probe_clear)

static gboolean
step_failed (const char *step, GError **error)
{
  g_set_error (error, TCW_ERROR, TCW_ERROR_RESOURCE_UNAVAILABLE, "%s: %s", step, g_strerror (errno));
  return FALSE;
}

static void
write_entry (guint8 *memory, guint at, guint64 value)
{
  memcpy (memory + at, &value, sizeof value);
}

/* The first 4 MiB mapped onto themselves by two large pages. */
static gboolean
set_up_memory (Probe *probe, GError **error)
{
  struct kvm_userspace_memory_region region = { .slot = 0, .guest_phys_addr = 0, .memory_size = MEMORY_SIZE };
  void *memory = mmap (NULL, MEMORY_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

  if (memory == MAP_FAILED)
    return step_failed ("mmap", error);
  probe->memory = memory;
  write_entry (probe->memory, PML4_AT, PDPT_AT | PTE_PRESENT_WRITE);
  write_entry (probe->memory, PDPT_AT, PD_AT | PTE_PRESENT_WRITE);
  write_entry (probe->memory, PD_AT, PTE_PRESENT_WRITE | PTE_LARGE);
  write_entry (probe->memory, PD_AT + 8, 0x200000u | PTE_PRESENT_WRITE | PTE_LARGE);
  memcpy (probe->memory + CODE_AT, guest_code, sizeof guest_code);
  region.userspace_addr = (guint64) (guintptr) probe->memory;
  if (ioctl (probe->vm, KVM_SET_USER_MEMORY_REGION, &region) < 0)
    return step_failed ("KVM_SET_USER_MEMORY_REGION", error);
  return TRUE;
}

static gboolean
set_up_registers (Probe *probe, GError **error)
{
  struct kvm_segment code = { .limit = 0xffffffff, .selector = 8, .type = 11, .present = 1, .s = 1, .l = 1, .g = 1 };
  struct kvm_segment data = { .limit = 0xffffffff, .selector = 16, .type = 3, .present = 1, .s = 1, .db = 1, .g = 1 };
  struct kvm_regs registers = { .rip = CODE_AT, .rflags = 2, .rsp = 0x7000 };
  struct kvm_sregs special;

  if (ioctl (probe->vcpu, KVM_GET_SREGS, &special) < 0)
    return step_failed ("KVM_GET_SREGS", error);
  special.cr3 = PML4_AT;
  special.cr4 = 1u << 5;                                             /* PAE */
  special.cr0 = 1u | (1u << 1) | (1u << 4) | (1u << 5) | (1u << 31); /* PE MP ET NE PG */
  special.efer = (1u << 8) | (1u << 10);                             /* LME LMA */
  special.cs = code;
  special.ds = special.es = special.fs = special.gs = special.ss = data;
  if (ioctl (probe->vcpu, KVM_SET_SREGS, &special) < 0)
    return step_failed ("KVM_SET_SREGS", error);
  if (ioctl (probe->vcpu, KVM_SET_REGS, &registers) < 0)
    return step_failed ("KVM_SET_REGS", error);
  return TRUE;
}

static gboolean
set_up (Probe *probe, GError **error)
{
  int size;
  void *run;

  probe->kvm = open ("/dev/kvm", O_RDWR | O_CLOEXEC);
  if (probe->kvm < 0)
    return step_failed ("cannot open /dev/kvm", error);
  if (ioctl (probe->kvm, KVM_GET_API_VERSION, 0) != KVM_API_VERSION)
    return step_failed ("KVM_GET_API_VERSION", error);
  probe->vm = ioctl (probe->kvm, KVM_CREATE_VM, 0);
  if (probe->vm < 0)
    return step_failed ("KVM_CREATE_VM", error);
  if (!set_up_memory (probe, error))
    return FALSE;
  probe->vcpu = ioctl (probe->vm, KVM_CREATE_VCPU, 0);
  size = ioctl (probe->kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
  if (probe->vcpu < 0 || size <= 0)
    return step_failed ("KVM_CREATE_VCPU", error);
  probe->run_size = (gsize) size;
  run = mmap (NULL, probe->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, probe->vcpu, 0);
  if (run == MAP_FAILED)
    return step_failed ("mmap of the virtual CPU", error);
  probe->run = run;
  return set_up_registers (probe, error);
}

gboolean
tcw_qemu_kvm_probe_run (double *seconds, GError **error)
{
  g_auto (Probe) probe = { .kvm = -1, .vm = -1, .vcpu = -1 };
  gint64 begin;

  if (!set_up (&probe, error))
    return FALSE;
  begin = g_get_monotonic_time ();
  for (int i = 0; i < MAX_EXITS; i++)
    {
      if (ioctl (probe.vcpu, KVM_RUN, 0) < 0 && errno != EINTR)
        return step_failed ("KVM_RUN", error);
      if (probe.run->exit_reason == KVM_EXIT_HLT)
        {
          *seconds = (double) (g_get_monotonic_time () - begin) / G_TIME_SPAN_SECOND;
          return TRUE;
        }
      if (probe.run->exit_reason != KVM_EXIT_INTR)
        {
          g_set_error (error, TCW_ERROR, TCW_ERROR_RESOURCE_UNAVAILABLE, "the probe's guest stopped with KVM exit %u",
                       probe.run->exit_reason);
          return FALSE;
        }
    }
  g_set_error_literal (error, TCW_ERROR, TCW_ERROR_RESOURCE_UNAVAILABLE, "the probe's guest was interrupted all the time");
  return FALSE;
}
