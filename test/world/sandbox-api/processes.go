package main

import (
	"fmt"
	"math/rand"
	"path/filepath"
	"regexp"
	"sync"
	"time"
)

// The layout says GMT; the time is the machine's own.
const timeLayout = "Mon, 02 Jan 2006 15:04:05 GMT"

// ProcessRequest is exported because the name stands in the messages of invalid bodies.
type ProcessRequest struct {
	Command           string            `json:"command"`
	Name              string            `json:"name"`
	WorkingDir        string            `json:"workingDir"`
	Env               map[string]string `json:"env"`
	WaitForCompletion bool              `json:"waitForCompletion"`
	Timeout           *int              `json:"timeout"`
	WaitForPorts      []int             `json:"waitForPorts"`
	RestartOnFailure  bool              `json:"restartOnFailure"`
	MaxRestarts       int               `json:"maxRestarts"`
	KeepAlive         bool              `json:"keepAlive"`
}

type processAnswer struct {
	PID              string  `json:"pid"`
	Name             string  `json:"name"`
	Command          string  `json:"command"`
	Status           string  `json:"status"`
	StartedAt        string  `json:"startedAt"`
	CompletedAt      *string `json:"completedAt"`
	ExitCode         int     `json:"exitCode"`
	WorkingDir       string  `json:"workingDir"`
	Logs             *string `json:"logs"`
	Stdout           string  `json:"stdout"`
	Stderr           string  `json:"stderr"`
	RestartOnFailure bool    `json:"restartOnFailure"`
	MaxRestarts      int     `json:"maxRestarts"`
	RestartCount     int     `json:"restartCount"`
	KeepAlive        bool    `json:"keepAlive"`
}

// process is one command and what became of it. mu guards what changes; pid is the first attempt's, group the latest's.
type process struct {
	request ProcessRequest
	pid     int
	name    string
	folder  string
	started time.Time
	done    chan struct{}

	mu        sync.Mutex
	group     int
	status    string
	asked     string
	exitCode  int
	completed time.Time
	restarts  int
}

var (
	table    []*process
	tableMu  sync.Mutex
	onlyPids = regexp.MustCompile(`^\d+$`)
)

// find takes a pid (digits only) or a name; the newest wins. Finished processes are never forgotten.
func find(id string) *process {
	tableMu.Lock()
	defer tableMu.Unlock()
	digits := onlyPids.MatchString(id)
	for i := len(table) - 1; i >= 0; i-- {
		if (digits && fmt.Sprint(table[i].pid) == id) || (!digits && table[i].name == id) {
			return table[i]
		}
	}
	return nil
}

func randomName() string {
	const letters = "abcdefghijklmnopqrstuvwxyz0123456789"
	name := []byte("proc-")
	for i := 0; i < 8; i++ {
		name = append(name, letters[rand.Intn(len(letters))])
	}
	return string(name)
}

// file is where a stream is kept: stdout, stderr, or "" for both as they were seen.
func (p *process) file(stream string) string {
	if stream != "" {
		stream = "." + stream
	}
	return filepath.Join(p.folder, p.name+stream+".log")
}

func (p *process) running() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.status == "running"
}

// describe answers with the last limit bytes of each stream; with limit 0 nobody has looked at them yet and logs is null.
func (p *process) describe(limit int64) processAnswer {
	stdout, stderr := "", ""
	var logs *string
	if limit > 0 {
		stdout, stderr = tail(p.file("stdout"), limit), tail(p.file("stderr"), limit)
		both := stdout + stderr
		logs = &both
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	completed := ""
	if p.status != "running" {
		completed = p.completed.Format(timeLayout)
	}
	return processAnswer{fmt.Sprint(p.pid), p.name, p.request.Command, p.status, p.started.Format(timeLayout), &completed,
		p.exitCode, p.request.WorkingDir, logs, stdout, stderr, p.request.RestartOnFailure, p.request.MaxRestarts,
		p.restarts, p.request.KeepAlive}
}
