/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/bridges/admission.h"
#include "core/registry/registry.h"
#include "storage/trash.h"

struct _BothyRegistry {
  GObject parent;
  BothyConfiguration *configuration;
  BothyHelperClient *helper;
  BothyCgroupManager *cgroups;
  BothyTrash *trash;
  BothyLayerStore *layers;
  BothyImageStore *images;
  BothyBuiltin *builtin;
  BothyPuller *puller;
  BothyRanges *ranges;
  BothyRunner *runner;
  BothyNetwork *network;
  BothyBridges *bridges;
  BothyAdmission *admission;
  GHashTable *hand_nics; /* id of its alias → owner: in namespaces that users made */
  guint gone_timer;      /* until it is looked which nics have gone */
  GHashTable *pauses;    /* owners whose containers were told of each other just now */
  guint day_timer;
  guint release_timer; /* until the network goes that no container needs */
  int lock_fd;
  int state_fd;
  int containers_fd;
  int images_fd;
  int layers_fd;
  int ranges_fd;
  int trash_fd;
  int remotes_fd;
  int bridges_fd;
  int accounts_fd;
  int sockets_fd;
  int attaching_fd;
  BothyOwners *owners;
  GHashTable *containers; /* id → BothyContainer */
  GHashTable *names;      /* "<owner>/<name>" → BothyContainer, or NULL while it is being made */
  GHashTable *addresses;  /* keys of those that containers which are being made are to have: a set */
  GHashTable *operations; /* BothyOperation: a set */
  GHashTable *processes;  /* BothyProcess: a set */
  GQueue *ended;          /* of both, those that ended, the oldest first */
  guint32 next_id;        /* of operations and processes */
};

/* Names are unique for each owner. NULL: in use. */
char *bothy_registry_name_key (guint32 owner, const char *name);

/* Keep the address that SPEC wants on its bridge for it. INVALID_ARGS: it can not be there, or somebody has it. The key is
   given back when a container has it, or none will. */
void bothy_registry_claim_address (BothyRegistry *self,
                                   const BothyContainerSpec *spec,
                                   GAsyncReadyCallback callback,
                                   gpointer user_data);
char *bothy_registry_claim_address_finish (BothyRegistry *self, GAsyncResult *result, GError **error);
void bothy_registry_yield_address (BothyRegistry *self, const char *key);

/* Make CONTAINER known, with its name, and watch it. */
void bothy_registry_add (BothyRegistry *self, BothyContainer *container);

/* Undo that: the name and the range are free. */
void bothy_registry_remove (BothyRegistry *self, BothyContainer *container);

/* Hear of the processes that CONTAINER's supervisor has from an earlier broker. */
void bothy_registry_watch_processes (BothyRegistry *self, BothyContainer *container);

/* Something that kept the service from being idle is over. */
void bothy_registry_settle (BothyRegistry *self);

/* What has to come after the end of CONTAINER, which ended by itself or while something else was done to it. */
void bothy_registry_follow_up (BothyRegistry *self, BothyContainer *container);

/* CONTAINER is ephemeral and does not run: delete it. */
void bothy_registry_delete_ephemeral (BothyRegistry *self, BothyContainer *container);

/* Like bothy_registry_add_operation(), but of what nobody asked for: it is not refused. */
BothyOperation *
bothy_registry_add_own_operation (BothyRegistry *self, guint32 user, const char *kind, const char *phase);

/* Read STATE/containers. FALSE: a record could not be read. */
gboolean bothy_registry_load (BothyRegistry *self);

/* Opens, or makes, what the state is kept in; nobody else may be in there. */
gboolean bothy_registry_open_directories (BothyRegistry *self, GError **error);
/* FALSE: another broker is at work. */
gboolean bothy_registry_take_lock (BothyRegistry *self, GError **error);

/* CONTAINER came or went: tell its owner's others its name and addresses, and it theirs. */
void bothy_registry_tell_neighbours (BothyRegistry *self, BothyContainer *container);

/* CONTAINER is about to run: give it its name and its owner's others', before its first process looks for them. */
void bothy_registry_introduce (BothyRegistry *self, BothyContainer *container, BothySupervisor *supervisor);

/* From now on bridges and NetworkManager may come and go. */
void bothy_registry_watch_network (BothyRegistry *self);

/* Whether anybody has, or may soon have, a nic. */
gboolean bothy_registry_needs_network (BothyRegistry *self);

/* Something that needed the network may be gone. */
void bothy_registry_check_network (BothyRegistry *self);

/* Write CONTAINER's record anew. */
gboolean bothy_registry_save (BothyRegistry *self, BothyContainer *container, GError **error);

/* CONTAINER has its addresses: let its ports lead there. */
void bothy_registry_publish_ports (BothyRegistry *self, BothyContainer *container);

/* Count the days, and do what is done on each. */
void bothy_registry_begin_days (BothyRegistry *self);

guint bothy_registry_count_containers (BothyRegistry *self, guint32 owner);
