package main

import (
	"bufio"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

type listener struct {
	port     int
	loopback bool
	protocol string
	inode    string
}

// listeners reads the kernel's own tables of listening TCP sockets.
func listeners() []listener {
	var found []listener
	for _, protocol := range []string{"tcp", "tcp6"} {
		file, err := os.Open("/proc/net/" + protocol)
		if err != nil {
			continue
		}
		for lines := bufio.NewScanner(file); lines.Scan(); {
			fields := strings.Fields(lines.Text())
			if len(fields) < 10 || fields[3] != "0A" {
				continue
			}
			address, hexPort, _ := strings.Cut(fields[1], ":")
			port, err := strconv.ParseInt(hexPort, 16, 32)
			if err != nil {
				continue
			}
			// 127.0.0.0/8 little-endian, ::1, and 127.0.0.0/8 mapped into IPv6.
			loopback := (protocol == "tcp" && strings.HasSuffix(address, "7F")) ||
				address == "00000000000000000000000001000000" ||
				(strings.HasPrefix(address, "0000000000000000FFFF0000") && strings.HasSuffix(address, "7F"))
			found = append(found, listener{int(port), loopback, protocol, fields[9]})
		}
		file.Close()
	}
	return found
}

// family is a process with its children and theirs. What let itself be adopted by another parent is no longer of it.
func family(root int) map[int]bool {
	parents := map[int]int{}
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		text, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		// The name in brackets may hold anything, brackets and blanks included.
		fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if len(fields) > 1 {
			parents[pid], _ = strconv.Atoi(fields[1])
		}
	}
	members := map[int]bool{root: true}
	for grown := true; grown; {
		grown = false
		for pid, parent := range parents {
			if members[parent] && !members[pid] {
				members[pid], grown = true, true
			}
		}
	}
	return members
}

// listenersOf are the listening sockets that a process or its children hold, with who holds them.
func listenersOf(root int) map[listener]int {
	held := map[string]int{}
	for pid := range family(root) {
		links, _ := filepath.Glob("/proc/" + strconv.Itoa(pid) + "/fd/*")
		for _, link := range links {
			target, _ := os.Readlink(link)
			if strings.HasPrefix(target, "socket:[") {
				held[strings.TrimSuffix(strings.TrimPrefix(target, "socket:["), "]")] = pid
			}
		}
	}
	found := map[listener]int{}
	for _, one := range listeners() {
		if pid, ok := held[one.inode]; ok {
			found[one] = pid
		}
	}
	return found
}
