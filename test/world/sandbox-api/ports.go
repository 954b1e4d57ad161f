package main

import (
	"net/http"
	"sort"
	"strconv"
	"time"
)

const (
	portsOpen = iota
	portsTimedOut
	clientGone
)

// waitForPorts waits until the process or its children listen on all ports, on addresses that are not the loopback.
// Without a limit it waits for ever, also when the process has long ended.
func (p *process) waitForPorts(limit <-chan time.Time, gone <-chan struct{}) int {
	for {
		p.mu.Lock()
		group := p.group
		p.mu.Unlock()
		open := map[int]bool{}
		for found := range listenersOf(group) {
			open[found.port] = open[found.port] || !found.loopback
		}
		all := true
		for _, port := range p.request.WaitForPorts {
			all = all && open[port]
		}
		if all {
			return portsOpen
		}
		select {
		case <-limit:
			return portsTimedOut
		case <-gone:
			return clientGone
		case <-time.After(200 * time.Millisecond):
		}
	}
}

type portEntry struct {
	PID       int    `json:"pid"`
	Protocol  string `json:"protocol"`
	LocalPort int    `json:"localPort"`
	State     string `json:"state"`
}

func listPorts(w http.ResponseWriter, id string) {
	root, err := strconv.Atoi(id)
	if err != nil {
		fail(w, 400, "invalid PID")
		return
	}
	entries := []portEntry{}
	for found, pid := range listenersOf(root) {
		entries = append(entries, portEntry{pid, found.protocol, found.port, "LISTEN"})
	}
	sort.Slice(entries, func(a, b int) bool { return entries[a].LocalPort < entries[b].LocalPort })
	answer(w, 200, map[string]interface{}{"pid": root, "ports": entries})
}
