/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the broker and a container's supervisor say to each other: one message per
 * packet of a SOCK_SEQPACKET socket; file descriptors travel beside it (unix(7)).
 * After the fixed part come TEXT_SIZE bytes of strings, each ended by a NUL, in the
 * order that the message's comment gives.
 *
 * The supervisor is started with fd 3, the connection of the broker that starts it.
 * It listens on a socket that it is handed, so that a later broker finds it again;
 * a newer connection takes the place of the older one.
 *
 * Neither side trusts the other's numbers: sizes and counts are checked.
 */

#include <stdint.h>

#define SUPERVISOR_PROTOCOL_VERSION 1u
/* Fixed part and strings: all that one call on the bus may carry, and what an image says on top of that. A packet has to
   fit into a socket's buffer as systems have it, of 416 KiB (net.core.wmem_max, doubled by the kernel). */
#define SUPERVISOR_MAX_PACKET      (384u * 1024u)
#define SUPERVISOR_MAX_ANSWER      (128u * 1024u) /* of the supervisor's own */
#define SUPERVISOR_MAX_FDS         208
#define SUPERVISOR_MAX_EXECS       256
#define SUPERVISOR_MAX_DIRECTORIES 1024
#define SUPERVISOR_CONNECTION_FD   3

enum supervisor_message_type {
  /* ---- broker → supervisor; each gets one SUPERVISOR_REPLY with its serial ---- */

  /*
   * Build the namespaces and the root file system. Sent once, at once.
   * fds: the lower layers' mounts, topmost first (N_LOWER of them), the mount that
   * holds upper/ and work/ (made if they are missing), the listening socket, the
   * seccomp filter (an array of struct sock_filter, as seccomp_export_bpf() writes
   * it), the console log (O_APPEND; bounded by the supervisor), with SUPERVISOR_FLAG_NETNS the network
   * namespace to use (else it makes one).
   * text: hostname, bytes of /dev/shm ("" = what the kernel gives a tmpfs); with N_ARGV 1 the name of an account to be
   * made, whose id is value.
   * id: so many of the lower layers, the topmost, are not the image's but what the container wrote before.
   * Replies when the root is ready, or with the step that failed.
   */
  SUPERVISOR_PREPARE = 1,
  /*
   * Run the first process in payload/ of the control group, in whose supervisor/ this process is. Sent once, after PREPARE
   * was answered or not: messages are handled in order.
   * fds: with SUPERVISOR_FLAG_STDIO three, for the first process.
   * text: path of the delegated control group below the cgroup2 mount ("" = none),
   * path of the cgroup2 mount, user ("" = root), working directory ("" = /), VALUE directories (at most
   * SUPERVISOR_MAX_DIRECTORIES), N_LOWER sysctls NAME=VALUE (NAME with dots), then N_ARGV and N_ENV strings.
   * Of the working directory and the others, what is missing is made as root's, with mode 0755; those others are what an
   * image calls volumes, and one that can not be made is no reason not to start.
   * N_ARGV 0: the image's init. Otherwise the command is a child of a minimal init
   * of the supervisor's own, pid 1, which reaps and hands signals on; but root's /PATH/init and
   * /PATH/systemd become pid 1 themselves.
   * Replies when exec(2) worked, and systemd as init takes requests, with pid (the
   * host's) of the first process and value: the signal that makes it shut down.
   */
  SUPERVISOR_START = 2,
  /*
   * Run a program inside, in a session of its own.
   * fds: three, or none: /dev/null, or with SUPERVISOR_FLAG_TTY a new terminal.
   * value: of a terminal, rows << 16 | columns. id: the broker's name for it. text: user ("" = root; see
   * user_lookup()), working directory ("" = the user's home), then N_ARGV and N_ENV strings.
   * With SUPERVISOR_FLAG_LOGIN argv[0] may be "": the user's login shell.
   * Replies when exec(2) worked, with pid; with a terminal its master as fd
   * and value: N of pts/N.
   */
  SUPERVISOR_EXEC = 3,
  SUPERVISOR_SIGNAL = 4,   /* id: 0 the first process, else an exec; value: signal, or what START replied */
  SUPERVISOR_KILL_ALL = 5, /* every process of the container, through cgroup.kill */
  SUPERVISOR_FREEZE = 6,   /* replies when the kernel says frozen 1 */
  SUPERVISOR_THAW = 7,
  /* Replies with an fd of the network namespace; after PREPARE. */
  SUPERVISOR_NET_NAMESPACE = 9,
  /* Configure an interface: text: its name, IPv4 address/prefix, gateway, IPv6 address/prefix,
     gateway, nameservers (separated by spaces); "" for what there is none of. */
  SUPERVISOR_NETWORK = 10,
  /* Write into /etc/hosts: text: the lines; see etcfiles.h. */
  SUPERVISOR_HOSTS = 11,
  /*
   * Mount a directory of the owner's, or take it away again; after PREPARE.
   * fds: of FOLDER, the detached mount. text: the destination, an absolute path; see folders.h. One that could not be
   * mounted before START is a reason not to start: that is then for the broker to see to. With SUPERVISOR_FLAG_FILL what
   * the container has at the destination is copied into it first: it is a volume that was never used.
   */
  SUPERVISOR_FOLDER = 12,
  SUPERVISOR_NO_FOLDER = 13,
  /*
   * Put a device into /dev, or take it away again; after PREPARE.
   * fds: of DEVICE, the detached mount of its node. text: its name below /dev; of DEVICE also whose it is (see
   * user_lookup()) and the name of a link to it in /dev ("" = none). value: its mode. NO_DEVICE with the name "": all of them.
   */
  SUPERVISOR_DEVICE = 15,
  SUPERVISOR_NO_DEVICE = 16,
  SUPERVISOR_ROOT = 14,   /* replies with an O_PATH fd of the container's root; while it runs */
  SUPERVISOR_CONSOLE = 8, /* replies with the master of a new terminal joined to the console */

  /* ---- supervisor → broker ---- */

  SUPERVISOR_HELLO =
      20, /* first on every connection; state, pid, value as START's reply; text: of the running execs, N_ARGV of them, "ID PID" */
  SUPERVISOR_REPLY = 21,       /* serial; error, step */
  SUPERVISOR_EXEC_EXITED = 22, /* id, code, signal; kept until a broker is connected */
  SUPERVISOR_EXITED =
      23, /* the first process and all others are gone: code, signal, flags (REBOOT); the supervisor ends after it */
};

enum supervisor_flag {
  SUPERVISOR_FLAG_STDIO = 1 << 0,
  SUPERVISOR_FLAG_TTY = 1 << 1,
  SUPERVISOR_FLAG_LOGIN = 1 << 2,
  SUPERVISOR_FLAG_REBOOT = 1 << 3,   /* of EXITED: it asked for a reboot, reboot(2) in a pid namespace */
  SUPERVISOR_FLAG_NESTING = 1 << 4,  /* of PREPARE: user namespaces inside are allowed */
  SUPERVISOR_FLAG_NETNS = 1 << 5,    /* of PREPARE: a network namespace is there */
  SUPERVISOR_FLAG_VOLATILE = 1 << 6, /* of PREPARE: what it writes need not outlive a power cut */
  SUPERVISOR_FLAG_PERSONAL =
      1 << 7, /* of PREPARE: what etcfiles_individualize() does was done in a layer below */
  SUPERVISOR_FLAG_FILL = 1 << 8,  /* of FOLDER */
  SUPERVISOR_FLAG_GROUP = 1 << 9, /* of SIGNAL to an exec: to all of its process group */
};

enum supervisor_state {
  SUPERVISOR_STATE_NEW = 0,
  SUPERVISOR_STATE_PREPARED = 1,
  SUPERVISOR_STATE_RUNNING = 2,
  SUPERVISOR_STATE_FROZEN = 3,
  SUPERVISOR_STATE_EXITED = 4,
};

/* Where it went wrong; the broker makes the text of it. */
enum supervisor_step {
  SUPERVISOR_STEP_NONE = 0,
  SUPERVISOR_STEP_REQUEST = 1, /* the message makes no sense now */
  SUPERVISOR_STEP_NAMESPACE = 2,
  SUPERVISOR_STEP_LAYER = 3, /* move_mount of a layer */
  SUPERVISOR_STEP_OVERLAY = 4,
  SUPERVISOR_STEP_MOUNT = 5, /* proc, sys, dev, run, … */
  SUPERVISOR_STEP_ROOT = 6,  /* the image's tree is not one: a directory is a link or missing */
  SUPERVISOR_STEP_CGROUP = 7,
  SUPERVISOR_STEP_CONSOLE = 8,
  SUPERVISOR_STEP_SECCOMP = 9,
  SUPERVISOR_STEP_USER =
      10, /* ENOENT: no such user inside; ESRCH: no such group; EINVAL: not one of its ids */
  SUPERVISOR_STEP_DIRECTORY = 11, /* working directory */
  SUPERVISOR_STEP_EXEC = 12,      /* ENOENT: no such program or no init; EACCES: not executable */
  SUPERVISOR_STEP_FORK = 13,
  SUPERVISOR_STEP_TTY = 14,
  SUPERVISOR_STEP_NETWORK = 15, /* addresses, routes */
  SUPERVISOR_STEP_FILES = 16,   /* a file in /etc */
  SUPERVISOR_STEP_ACCOUNT =
      17,                      /* ENOTSUP: /etc, /home or a table is no directory or file of the tree's own */
  SUPERVISOR_STEP_SYSCTL = 18, /* value of the reply: which one of START's */
  SUPERVISOR_STEP_FOLDER = 19, /* see folders.h */
  SUPERVISOR_STEP_FILL = 20,   /* copying into a volume; EMLINK: too many levels of directories */
  SUPERVISOR_STEP_DEVICE = 24, /* see plugs.h */
};

struct supervisor_message {
  uint32_t version;
  uint32_t type;
  uint32_t serial;
  uint32_t id;
  uint32_t flags;
  uint32_t n_lower;
  uint32_t n_argv;
  uint32_t n_env;
  int32_t value;
  int32_t pid;
  int32_t error; /* 0, or an errno value */
  uint32_t step;
  uint32_t state;
  int32_t code;
  int32_t signal;
  uint32_t text_size;
};
