package main

import "net/http"

// drives tells of no mounts: they need a program and an identity that only the platform brings.
func drives(w http.ResponseWriter, r *http.Request) {
	switch r.Method {
	case "GET":
		answer(w, 200, map[string][]string{"mounts": {}})
	case "POST":
		fail(w, 500, "failed to mount drive: /usr/local/bin/blfs not found")
	default:
		notFound(w)
	}
}
