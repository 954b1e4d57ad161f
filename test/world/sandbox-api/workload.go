package main

import (
	"fmt"
	"os"
	"os/user"
	"strconv"
	"syscall"
)

// workload is who processes run as and files belong to: nil for the API's own user.
var workload *syscall.Credential
var workloadHome, workloadName string

// useWorkloadUser reads -user; one that does not exist, or root, is no start at all.
func useWorkloadUser(name string) {
	if name == "" {
		return
	}
	found, err := user.Lookup(name)
	if err != nil {
		found, err = user.LookupId(name)
	}
	if err != nil {
		fatal(fmt.Sprintf("failed to resolve workload user %q: %v", name, err))
	}
	uid, _ := strconv.Atoi(found.Uid)
	gid, _ := strconv.Atoi(found.Gid)
	if uid == 0 {
		fatal(fmt.Sprintf("workload user %q is root", name))
	}
	workload = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	workloadHome, workloadName = found.HomeDir, found.Username
}

// own gives a new file to the workload's user.
func own(path string) {
	if workload != nil {
		os.Chown(path, int(workload.Uid), int(workload.Gid))
	}
}
