package main

import (
	"bufio"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

type listener struct {
	port     int
	loopback bool
}

// listeners reads the kernel's own table of listening TCP sockets.
func listeners() []listener {
	var found []listener
	for _, path := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		file, err := os.Open(path)
		if err != nil {
			continue
		}
		for lines := bufio.NewScanner(file); lines.Scan(); {
			fields := strings.Fields(lines.Text())
			if len(fields) < 4 || fields[3] != "0A" {
				continue
			}
			address, hexPort, _ := strings.Cut(fields[1], ":")
			port, err := strconv.ParseInt(hexPort, 16, 32)
			if err != nil {
				continue
			}
			loopback := address == "0100007F" || address == "00000000000000000000000001000000"
			found = append(found, listener{int(port), loopback})
		}
		file.Close()
	}
	return found
}

// waitForPorts waits until all ports listen on an address that is not the loopback. Without a limit it waits for ever,
// also when the process has long ended.
func waitForPorts(ports []int, limit <-chan time.Time) bool {
	for {
		open := map[int]bool{}
		for _, found := range listeners() {
			if !found.loopback {
				open[found.port] = true
			}
		}
		all := true
		for _, port := range ports {
			all = all && open[port]
		}
		if all {
			return true
		}
		select {
		case <-limit:
			return false
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
	pid, _ := strconv.Atoi(id)
	entries := []portEntry{}
	for _, found := range listeners() {
		entries = append(entries, portEntry{pid, "tcp", found.port, "LISTEN"})
	}
	answer(w, 200, map[string]interface{}{"pid": pid, "ports": entries})
}
