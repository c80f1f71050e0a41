/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "core/container/limits.h"
#include "network/port.h"
#include "core/container/supervisor.h"
#include "platform/oom.h"

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
  int stop_signal; /* what makes it end; 0: what its first process wants */
  char *account;   /* a login name that the owner has inside, or "" */
  gboolean ephemeral;
  gboolean nesting;
  char *network;            /* "nat", "none", or "lan:" and a bridge */
  char *address;            /* "lan:": network/lanaddress.h, or "": the LAN says */
  char **resolvers;         /* "lan:": network/resolvers.h */
  gboolean network_allowed; /* an administrator said yes to that bridge */
  GArray *ports;            /* BothyPort; changes, too */
  char **egress;            /* network/egress.h; changes, too */
  BothyCgroupLimits limits; /* as the owner said them; see bothy_limits_effective() */
} BothyContainerSpec;

void bothy_container_spec_free (BothyContainerSpec *spec);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BothyContainerSpec, bothy_container_spec_free)

/*
 * What a container is and does now. Fields are read freely; core/ alone writes them.
 *
 * Signals: "changed" (): a property on the bus may have another value;
 * "out-of-memory" (guint64 kills): the kernel killed some of its processes for want of memory;
 * "beginning" (BothySupervisor *supervisor): all is made, and its first process comes next;
 * "readdressed" (): it has other addresses; "ended" (): its last process is gone, state and last_* are set; "process-found"
 * (guint id, guint pid): one of exec runs in it that an earlier broker started.
 */
#define BOTHY_TYPE_CONTAINER (bothy_container_get_type ())
G_DECLARE_FINAL_TYPE (BothyContainer, bothy_container, BOTHY, CONTAINER, GObject)

struct _BothyContainer {
  GObject parent;
  char *id; /* uuid */
  guint32 owner;
  guint32 range_base;
  BothyContainerSpec *spec;
  BothyCgroupLimits limits;                  /* what holds: the spec's within the ceilings, and presets */
  gint64 created_at, started_at, stopped_at; /* µs since 1970, 0: never */

  BothyContainerState state;
  int last_code, last_signal;
  char *last_error;

  /* While it runs. */
  BothySupervisor *supervisor;
  guint32 leader;
  guint64 leader_pidfd_id;
  int shutdown_signal;
  char *group;         /* path of its control group */
  char *nic;           /* what bothy_network_detach() takes, or "" */
  char **addresses;    /* with prefix lengths */
  char *network_error; /* why it has none though it wants one, or "" */
  gboolean join_due;   /* its nic is to be looked after */
  gboolean joining;    /* it is being looked after */
  GQueue join_waiting; /* GTask: until it is not */
  BothyOom *oom;       /* of that group, or NULL */
  guint64 oom_kills;   /* in this run */
  gboolean stopping;   /* somebody asked for the end */
  gboolean exited;     /* the supervisor told how it ended */
  gboolean reboot;
  guint n_reboots; /* since then, in monotonic µs */
  gint64 reboots_since;
  guint n_processes; /* of exec */

  const char *busy; /* what is being done to it, or NULL */
};

/* Take SPEC over. */
BothyContainer *
bothy_container_new (const char *id, guint32 owner, guint32 range_base, BothyContainerSpec *spec);

/* From a record, or NULL with ERROR when it makes no sense. */
BothyContainer *bothy_container_from_record (const char *id, GKeyFile *record, GError **error);
GKeyFile *bothy_container_to_record (BothyContainer *self);

const char *bothy_container_state_name (BothyContainerState state);

/* Whether it has processes, or is about to. */
gboolean bothy_container_is_active (BothyContainer *self);

void bothy_container_set_state (BothyContainer *self, BothyContainerState state);
void bothy_container_emit_changed (BothyContainer *self);
void bothy_container_emit_beginning (BothyContainer *self, BothySupervisor *supervisor);

#define BOTHY_CONTAINER_LAN "lan:" /* before the bridge of spec->network */

/* The bridge of the LAN that it is for, or NULL. */
const char *bothy_container_lan (const BothyContainer *self);

/* What its nic on a LAN is called: the name of a BothyNic. */
char *bothy_container_nic_name (const BothyContainer *self);

/* Whether it is to have a nic at all. */
gboolean bothy_container_wants_network (const BothyContainer *self);

void bothy_container_set_nic (BothyContainer *self, const char *nic);

/* Its addresses now, NULL-terminated, and why it has none if it should ("": it should not, or has). */
void bothy_container_set_network (BothyContainer *self, const char *const *addresses, const char *error);

/* One change at a time: BUSY, naming what goes on, unless nothing does. WHAT is static. */
gboolean bothy_container_begin (BothyContainer *self, const char *what, GError **error);
void bothy_container_end (BothyContainer *self);

/* WRONG_STATE unless it is running. */
gboolean bothy_container_require_running (BothyContainer *self, GError **error);

G_END_DECLS
