package main

import (
	"net/http"
	"runtime"
	"time"
)

type lastUpgrade struct {
	Status  string `json:"status"`
	Step    string `json:"step"`
	Version string `json:"version"`
}

type healthAnswer struct {
	Status        string      `json:"status"`
	Version       string      `json:"version"`
	GitCommit     string      `json:"gitCommit"`
	BuildTime     string      `json:"buildTime"`
	GoVersion     string      `json:"goVersion"`
	OS            string      `json:"os"`
	Arch          string      `json:"arch"`
	Uptime        string      `json:"uptime"`
	UptimeSeconds float64     `json:"uptimeSeconds"`
	UpgradeCount  int         `json:"upgradeCount"`
	StartedAt     string      `json:"startedAt"`
	LastUpgrade   lastUpgrade `json:"lastUpgrade"`
}

func health(w http.ResponseWriter) {
	up := time.Since(startedAt)
	answer(w, 200, healthAnswer{"ok", version, "unknown", "unknown", runtime.Version(), runtime.GOOS, runtime.GOARCH,
		up.Truncate(time.Millisecond).String(), up.Seconds(), 0, startedAt.UTC().Format(time.RFC3339),
		lastUpgrade{"idle", "none", ""}})
}
