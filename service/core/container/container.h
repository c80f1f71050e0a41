/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "core/autostart/autostart.h"
#include "core/container/limits.h"
#include "core/devices/device.h"
#include "core/health/health.h"
#include "core/mounts/mount.h"
#include "core/snapshots/snapshot.h"
#include "network/port.h"
#include "core/container/network-spec.h"
#include "core/container/supervisor.h"

G_BEGIN_DECLS

typedef enum {
  BOTHY_CONTAINER_STOPPED,
  BOTHY_CONTAINER_STARTING,
  BOTHY_CONTAINER_RUNNING,
  BOTHY_CONTAINER_FREEZING,
  BOTHY_CONTAINER_FROZEN,
  BOTHY_CONTAINER_STOPPING,
  BOTHY_CONTAINER_FAILED,
} BothyContainerState;

/* Why it is in the state that it is in. */
typedef enum {
  BOTHY_REASON_NONE,          /* it never ran, or nobody knows */
  BOTHY_REASON_ASKED,         /* its owner said so */
  BOTHY_REASON_ADMINISTRATOR, /* somebody else did, who may */
  BOTHY_REASON_AUTOSTART,     /* it is started by itself */
  BOTHY_REASON_RESTART,       /* it was started again, or is about to, because it ended */
  BOTHY_REASON_EXITED,        /* its first process ended by itself */
  BOTHY_REASON_CRASHED,       /* a signal ended it, or its supervisor */
  BOTHY_REASON_OUT_OF_MEMORY, /* the kernel did, for want of memory */
  BOTHY_REASON_SHUTDOWN,      /* it ran when the machine went down */
  BOTHY_REASON_UNHEALTHY,     /* it answered badly too often, and its owner wants that then */
  BOTHY_REASON_ON_DEMAND,     /* somebody connected to it, or runs something in it */
} BothyStateReason;

#define BOTHY_MAX_SYSCTLS 64 /* as who sets them takes them */

/* What is asked for when a container is made, and never changes but for the name and the limits. */
typedef struct {
  char *name;
  char *image; /* fingerprint */
  char *hostname;
  char **command;
  char **entrypoint; /* until it is made: in place of the image's; NULL: that one */
  char **environment;
  char *user;
  char *working_directory;
  int stop_signal;      /* what makes it end; 0: what its first process wants */
  char **sysctls;       /* NAME=VALUE, set at each start; each was bothy_validate_sysctl() */
  guint64 shm_size;     /* bytes of /dev/shm; 0: what the kernel gives it */
  char *account;        /* a login name that the owner has inside, or "" */
  guint granted_ranges; /* until it is made: how many an administrator lets its owner have, or 0 */
  gboolean ephemeral;
  gboolean nesting;
  BothyContainerNetwork *network;
  GArray *ports;            /* BothyPort; changes, too */
  GPtrArray *mounts;        /* mount.h; changes, too */
  GPtrArray *devices;       /* device.h; changes, too */
  char **egress;            /* network/egress.h; changes, too */
  BothyCgroupLimits limits; /* as the owner said them; see bothy_limits_effective() */
  BothyAutostart autostart; /* changes, too */
  BothyHealthCheck health;
} BothyContainerSpec;

/* A copy of SPEC for another container called NAME: all but what only one can have (ports, devices, an address of its own on a LAN) and
   that it is started unasked. (transfer full) */
BothyContainerSpec *bothy_container_spec_copy (const BothyContainerSpec *spec, const char *name);

/* Whether one as SPEC says has the volume that is called by ID. */
gboolean bothy_container_spec_names_volume (const BothyContainerSpec *spec, const char *id);

/* NULL is not allowed. */
void bothy_container_spec_free (BothyContainerSpec *spec);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BothyContainerSpec, bothy_container_spec_free)

/* How the file system keeps it from taking more than the limits of disk and inodes. */
typedef struct {
  guint32 project; /* the project id that its files were born with; 0: it was made when that could not be */
  guint64 bytes, inodes;   /* what the file system was told last; 0: no bound */
  const char *enforcement; /* as the bus has it: "enforced", "unsupported", "older"; static */
} BothyDiskBound;

/* Whether it is well, as far as it was asked. */
typedef struct {
  BothyHealthState state; /* of its run; see bothy_container_get_health() */
  guint failures;         /* answers in a row that were bad, without those of the start period */
  int code;               /* of the last answer: 0 is good; -1: none came, or there is none yet */
  char *output;           /* what it said with that, or why there was none */
} BothyContainerHealth;

/* What its files are made of, beside the image's layers: ids of BothyUppers, core/snapshots/upper.h. */
typedef struct {
  char *below;       /* what its first layer stands on, which was another container's, or "": its image */
  char *top;         /* what it writes into */
  gboolean fresh;    /* nothing has been written into that yet */
  gboolean personal; /* below the top, /etc has a hostname and the like that are not the image's */
  gboolean held;     /* it stands still until they are copied, and for nothing else */
} BothyContainerFiles;

/*
 * What a container is and does now. Fields are read freely; container.c alone writes them, and
 * container-record.c when it reads a record.
 *
 * Signals:
 * "changed" (): something that is shown of it may have another value.
 * "beginning" (BothySupervisor *supervisor): it is being started, all is made, and its first process comes next.
 * "readdressed" (): it has other addresses, or none any more.
 * "out-of-memory" (guint64 kills): the kernel killed some of its processes for want of memory.
 * "process-found" (guint id, guint pid): a program runs in it that an earlier bothyd put there.
 * "ended" (): its last process is gone; state and last_* say how.
 * "settled" (): it ended, or what was done to it is over: something else may be done to it.
 */
#define BOTHY_TYPE_CONTAINER (bothy_container_get_type ())
G_DECLARE_FINAL_TYPE (BothyContainer, bothy_container, BOTHY, CONTAINER, GObject)

struct _BothyContainer {
  GObject parent;
  char *id; /* uuid */
  guint32 owner;
  guint32 range_base;
  BothyContainerSpec *spec;
  BothyCgroupLimits limits; /* what holds: the spec's within the ceilings, and presets */
  BothyDiskBound disk;
  BothyContainerFiles files;
  BothyContainerHealth health;
  GPtrArray *snapshots;                      /* BothySnapshot */
  gint64 created_at, started_at, stopped_at; /* µs since 1970, 0: never */

  BothyContainerState state;
  BothyStateReason reason;
  BothyStateReason cause; /* why it was started last */
  int last_code, last_signal;
  GError *last_error; /* why it could not start or ended, as the bus names it; NULL: nothing is wrong */

  /* While it runs. */
  BothySupervisor *supervisor;
  guint32 leader; /* pid of its first process, 0: none or not known */
  guint64 leader_pidfd_id;
  int shutdown_signal; /* what asks its first process to end */
  char *group;         /* path of its control group, or "" */
  char *nic;           /* what bothy_network_detach() takes, or "" */
  char **addresses;    /* with prefix lengths */
  GPtrArray *nodes;    /* char *: of its devices that are plugged in: NAME\tNODE */
  char *network_error; /* why it has none though it wants one, or "" */
  guint64 oom_kills;   /* in this run */
  gboolean stopping;   /* somebody asked for the end */
  gboolean stays_down; /* and somebody else, while it stopped to be started again, that it stays so */
  gboolean exited;     /* the supervisor told how it ended */
  gboolean reboot;     /* it ended in order to begin anew */
  GPtrArray
      *left; /* ids of volumes that were taken away from it in this run: it may have files of them open, or
                          have mounted them elsewhere */

  char *after;             /* what the one is called that it is started after, or "" */
  char *boot;              /* in which boot it was started last, or was not to be: bothy_marks_get_boot() */
  gboolean wanted;         /* it was started, and nobody said since that it shall end */
  guint n_restarts;        /* unasked ones in a row, of those after it had ended, */
  guint n_health_restarts; /* and of those for it was unhealthy */
  gboolean left_unhealthy; /* there are no more of the latter, and that was told */
  guint due;               /* 0, or it is about to be started unasked: a number of its own for each time */

  guint n_reboots; /* since the time below, which is monotonic, in µs */
  gint64 reboots_since;

  gboolean
      run_over; /* a run is over, or could not begin, and nobody took that up: bothy_container_take_end() */

  char *tree; /* where its owner sees its files while it does not run, or "" */

  const char *busy; /* what is being done to it, or NULL */
  gboolean
      yields; /* that waits for what runs inside, and is over when the container ends: it may be stopped meanwhile */
};

/* A container of OWNER's called SPEC->name, which does not run. ID is a new uuid; SPEC is taken over. */
BothyContainer *
bothy_container_new (const char *id, guint32 owner, guint32 range_base, BothyContainerSpec *spec);

/* "running" and so on, as the bus has it. */
const char *bothy_container_state_name (BothyContainerState state);

/* "asked" and so on, as the bus has it; "" for BOTHY_REASON_NONE. */
const char *bothy_container_reason_name (BothyStateReason reason);

/* What is called NAME there; BOTHY_REASON_NONE if nothing is. */
BothyStateReason bothy_container_reason_from_name (const char *name);

/* Whether it has processes, or is about to. */
gboolean bothy_container_is_active (BothyContainer *self);

/* FALSE with WRONG_STATE unless it is running. */
gboolean bothy_container_require_running (BothyContainer *self, GError **error);

/* ---- one change at a time ---- */

/* FALSE with BUSY while its owner has its files open: what is below them is to stay as it is. */
gboolean bothy_container_require_closed (const BothyContainer *self, GError **error);

/* WHAT (static, such as "starting") is done to it from now on. FALSE with BUSY, which says what goes on, when
   something is done to it already. */
gboolean bothy_container_begin (BothyContainer *self, const char *what, GError **error);

/* What bothy_container_begin() began is over. Emits "settled". */
void bothy_container_end (BothyContainer *self);

/* ---- what it is; each of these emits "changed" ---- */

/* Call it NAME. */
void bothy_container_set_name (BothyContainer *self, const char *name);

/* The owner says LIMITS; EFFECTIVE is what of that holds, see bothy_limits_effective(); ENFORCEMENT (static)
   is whether those of the disk do. */
void bothy_container_set_limits (BothyContainer *self,
                                 const BothyCgroupLimits *limits,
                                 const BothyCgroupLimits *effective,
                                 const char *enforcement);

/* PID if it is that of a process in the container's control group; 0 if it is none, or has ended: a supervisor, which is as good
   as its container, may name any process. */
guint32 bothy_container_check_pid (const BothyContainer *self, gint32 pid);

/* Whether its limits of disk and inodes hold, as the bus has it: DISK's enforcement, or "pending" where the file system has
   not been told of these yet, and bounds its files as before. (transfer none) */
const char *bothy_container_get_disk_limits (const BothyContainer *self);

/* Its files have PROJECT, and the file system was told to bound them. */
void bothy_container_set_disk_bound (BothyContainer *self, guint32 project, guint64 bytes, guint64 inodes);

/* Its first layer stands on BELOW, another container's. */
void bothy_container_set_below (BothyContainer *self, const char *below);

/* It writes into TOP from its next start on, where nothing is yet; PERSONAL: see BothyContainerFiles. It has SNAPSHOTS
   (transfer full). */
void
bothy_container_set_files (BothyContainer *self, const char *top, gboolean personal, GPtrArray *snapshots);

/* Something may have been written into its top. */
void bothy_container_set_written (BothyContainer *self);

/* It stands still until its files are copied (HELD), or not any more. */
void bothy_container_set_held (BothyContainer *self, gboolean held);

/* As a whole, the files and SNAPSHOTS (transfer full) are what they were. */
void
bothy_container_put_files_back (BothyContainer *self, const BothyContainerFiles *files, GPtrArray *snapshots);

/* Let it reach EGRESS (network/egress.h), which is copied. */
void bothy_container_set_egress (BothyContainer *self, const char *const *egress);

/* Let PORT of the host lead into it, or no more. */
void bothy_container_add_port (BothyContainer *self, const BothyPort *port);
void bothy_container_remove_port (BothyContainer *self, const BothyPort *port);

/* Let MOUNT (transfer full) be seen in it. */
void bothy_container_add_mount (BothyContainer *self, BothyMount *mount);

/* The volume called ID was taken away from it while it runs. */
void bothy_container_add_left (BothyContainer *self, const char *id);

/* Nothing of a run is there any more, so it has no volume that was taken away. */
void bothy_container_forget_left (BothyContainer *self);

/* What is mounted at DESTINATION is being mounted or taken away (UNSETTLED), or is there. */
void bothy_container_set_mount_unsettled (BothyContainer *self, const char *destination, gboolean unsettled);

/* Nothing is mounted at DESTINATION any more. */
void bothy_container_remove_mount (BothyContainer *self, const char *destination);

/* Let it have DEVICE (transfer full). */
void bothy_container_add_device (BothyContainer *self, BothyDevice *device);

/* The device NAME is plugged in, or will be: it is there. */
void bothy_container_set_device_settled (BothyContainer *self, const char *name);

/* It shall not have the device NAME any more. */
void bothy_container_remove_device (BothyContainer *self, const char *name);

/* NODES (transfer full) of its devices are there now. */
void bothy_container_set_nodes (BothyContainer *self, GPtrArray *nodes);

/* When it is started unasked is AUTOSTART, which is copied; the container that comes first is called AFTER, or "". */
void bothy_container_set_autostart (BothyContainer *self, const BothyAutostart *autostart, const char *after);

/* ---- starting unasked ---- */

/* It is about to be started unasked, and nobody has to know yet. Returns the number of that, which is no other's; see
   "due". */
guint bothy_container_set_due (BothyContainer *self);

/* It is not any more. Emits "settled", if it was. */
void bothy_container_clear_due (BothyContainer *self);

/* In BOOT nothing else is to start it unasked. */
void bothy_container_set_boot (BothyContainer *self, const char *boot);

/* It shall not be started again. */
void bothy_container_set_unwanted (BothyContainer *self);

/* It is started again for the Nth time in a row. */
void bothy_container_set_restarts (BothyContainer *self, guint n);

/* It is restarted for the Nth time in a row because it was unhealthy; 0: it was well since, or somebody began anew. */
void bothy_container_set_health_restarts (BothyContainer *self, guint n);

/* It is not any more, however unhealthy it is. FALSE: that was said before. */
gboolean bothy_container_leave_unhealthy (BothyContainer *self);

/* It is not started again any more: it has failed, as ERROR (transfer full) says. */
void bothy_container_set_given_up (BothyContainer *self, GError *error);

/* ---- its network ---- */

/* What its nic on a LAN is called: the name of a BothyNic. (transfer full) */
char *bothy_container_nic_name (const BothyContainer *self);

/* Whether it is to have a nic at all. */
gboolean bothy_container_wants_network (const BothyContainer *self);

/* It has NIC now: what bothy_network_detach() takes; "": none. */
void bothy_container_set_nic (BothyContainer *self, const char *nic);

/* Its addresses now, NULL-terminated, and why it has none if it should ("": it should not, or has). Emits
   "changed" and "readdressed". */
void bothy_container_set_network (BothyContainer *self, const char *const *addresses, const char *error);

/* ---- its health ---- */

/* Whether it is well; BOTHY_HEALTH_UNKNOWN where nobody asks, or it does not run. */
BothyHealthState bothy_container_get_health (const BothyContainer *self);

/* It was asked, and HEALTH (whose output is copied) is what is known now. */
void bothy_container_set_health (BothyContainer *self, const BothyContainerHealth *health);

/* Its owner sees its files at PATH ("": not any more). Emits "changed". */
void bothy_container_set_tree (BothyContainer *self, const char *path);

/* ---- a run of it; each of these emits "changed" ---- */

/* It will be started in BOOT because of CAUSE. */
void bothy_container_set_cause (BothyContainer *self, BothyStateReason cause, const char *boot);

/* It is being started; what is known of the run before is forgotten. */
void bothy_container_set_starting (BothyContainer *self);

/* It has the control group PATH; "": none. */
void bothy_container_set_group (BothyContainer *self, const char *path);

/* It could not be started, as ERROR says, which is copied: it has failed. */
void bothy_container_set_start_failed (BothyContainer *self, const GError *error);

/* Nothing was done yet to start it, and it is stopped instead, for REASON. */
void bothy_container_set_not_started (BothyContainer *self, BothyStateReason reason);

/* It runs under SUPERVISOR, which it keeps until its end. LEADER is the pid of its first process (0: not known),
   LEADER_PIDFD_ID names that for as long as the machine is up (0: the kernel does not say). SHUTDOWN_SIGNAL is
   what asks the first process to end, unless the spec says otherwise. */
void bothy_container_set_running (BothyContainer *self,
                                  BothySupervisor *supervisor,
                                  guint32 leader,
                                  guint64 leader_pidfd_id,
                                  int shutdown_signal);

/* It was started just now, and not found running: that is when it was started last. */
void bothy_container_set_started_now (BothyContainer *self);

/* It goes from one state to another while it is active. */
void bothy_container_set_state (BothyContainer *self, BothyContainerState state);

/* Somebody asked for its end, REASON says who: that it ends is no failure. */
void bothy_container_set_stopping (BothyContainer *self, BothyStateReason reason);

/* It ran, and the machine went down since. */
void bothy_container_set_shut_down (BothyContainer *self);

/* The first process ended, with CODE or by SIGNAL (or 0); REBOOT: in order to begin anew. */
void bothy_container_set_exited (BothyContainer *self, int code, int signal, gboolean reboot);

/* The kernel killed KILLS more of its processes for want of memory. Emits "out-of-memory". */
void bothy_container_add_oom_kills (BothyContainer *self, guint64 kills);

/* Nothing of it runs any more: it is stopped, or has failed, and last_error says how that came about. The
   supervisor is let go, the group is gone, and it was stopped just now. */
void bothy_container_set_ended (BothyContainer *self);

/* Whether a run of it is over, or could not begin, and nobody has taken that up: whoever asks does. */
gboolean bothy_container_take_end (BothyContainer *self);

/* Whether its last run went well, for as long as a run has to so that nothing before it counts any more. A start that failed is no
   run. */
gboolean bothy_container_ran_steadily (const BothyContainer *self);

/* Count a reboot. FALSE: there were too many in a short time, and the container has failed. */
gboolean bothy_container_count_reboot (BothyContainer *self);

/* ---- events that others tell of it ---- */

/* Emit "beginning" with SUPERVISOR. */
void bothy_container_emit_beginning (BothyContainer *self, BothySupervisor *supervisor);

/* Emit "process-found": the program ID of exec runs in it, with the pid PID. */
void bothy_container_emit_process_found (BothyContainer *self, guint id, guint pid);

/* Emit "ended" and "settled", after everything of the run is cleared away. */
void bothy_container_emit_ended (BothyContainer *self);

G_END_DECLS
