/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Every string by which the service is known outside. */

#define BOTHY_BUS_NAME "org.bothy.Bothy1"
#define BOTHY_BUS_PATH "/org/bothy/Bothy1"

#define BOTHY_CONTAINER_PATH BOTHY_BUS_PATH "/container"
#define BOTHY_IMAGE_PATH     BOTHY_BUS_PATH "/image"
#define BOTHY_BRIDGE_PATH    BOTHY_BUS_PATH "/bridge"
#define BOTHY_OPERATION_PATH BOTHY_BUS_PATH "/operation"
#define BOTHY_PROCESS_PATH   BOTHY_BUS_PATH "/process"

#define BOTHY_MANAGER_INTERFACE   BOTHY_BUS_NAME ".Manager"
#define BOTHY_CONTAINER_INTERFACE BOTHY_BUS_NAME ".Container"
#define BOTHY_IMAGE_INTERFACE     BOTHY_BUS_NAME ".Image"
#define BOTHY_BRIDGE_INTERFACE    BOTHY_BUS_NAME ".Bridge"
#define BOTHY_OPERATION_INTERFACE BOTHY_BUS_NAME ".Operation"
#define BOTHY_PROCESS_INTERFACE   BOTHY_BUS_NAME ".Process"

#define BOTHY_ACTION_CREATE  BOTHY_BUS_NAME ".create-container"
#define BOTHY_ACTION_INSPECT BOTHY_BUS_NAME ".inspect-containers"
#define BOTHY_ACTION_MANAGE  BOTHY_BUS_NAME ".manage-containers"
#define BOTHY_ACTION_ADOPT   BOTHY_BUS_NAME ".adopt-container"
#define BOTHY_ACTION_EXCEED  BOTHY_BUS_NAME ".exceed-quota"

#define BOTHY_ACTION_PULL       BOTHY_BUS_NAME ".pull-image"
#define BOTHY_ACTION_REMOTES    BOTHY_BUS_NAME ".manage-remotes"
#define BOTHY_ACTION_BRIDGES    BOTHY_BUS_NAME ".manage-bridges"
#define BOTHY_ACTION_USE_BRIDGE BOTHY_BUS_NAME ".use-bridge"
#define BOTHY_ACTION_DELEGATE   BOTHY_BUS_NAME ".delegate-bridge"
#define BOTHY_ACTION_RECLAIM    BOTHY_BUS_NAME ".reclaim-range"
#define BOTHY_ACTION_MOVE       BOTHY_BUS_NAME ".move-service"
#define BOTHY_ACTION_DEVICE     BOTHY_BUS_NAME ".assign-device"
#define BOTHY_ACTION_PORT       BOTHY_BUS_NAME ".privileged-port"
#define BOTHY_ACTION_FIREWALL   BOTHY_BUS_NAME ".open-firewall"
#define BOTHY_ACTION_CEILINGS   BOTHY_BUS_NAME ".manage-ceilings"

#define DBUS_PROPERTIES_INTERFACE     "org.freedesktop.DBus.Properties"
#define DBUS_INTROSPECTABLE_INTERFACE "org.freedesktop.DBus.Introspectable"
#define DBUS_OBJECT_MANAGER_INTERFACE "org.freedesktop.DBus.ObjectManager"
#define DBUS_PEER_INTERFACE           "org.freedesktop.DBus.Peer"
