package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"time"
)

const timeLayout = "Mon, 02 Jan 2006 15:04:05 GMT"
const inlineTail = 64 * 1024
const fullTail = 4 * 1024 * 1024
const cutMark = "[... truncated, see the process log file for the full output ...]\n"

type processRequest struct {
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

type process struct {
	request   processRequest
	pid       int
	group     int
	name      string
	mu        sync.Mutex
	status    string
	asked     string
	exitCode  int
	started   time.Time
	completed time.Time
	restarts  int
	done      chan struct{}
	folder    string
}

var (
	table   []*process
	tableMu sync.Mutex
)

func logDir() string { return getenv("SANDBOX_LOG_DIR", "/var/log/sandbox-api") }

func (p *process) file(stream string) string {
	return filepath.Join(p.folder, p.name+"."+stream+".log")
}

func find(id string) *process {
	tableMu.Lock()
	defer tableMu.Unlock()
	digits := regexp.MustCompile(`^\d+$`).MatchString(id)
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

func tail(path string, limit int64) string {
	file, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return ""
	}
	prefix := ""
	if info.Size() > limit {
		file.Seek(info.Size()-limit, io.SeekStart)
		prefix = cutMark
	}
	data, _ := io.ReadAll(file)
	return prefix + string(data)
}

func (p *process) environment() []string {
	values := os.Environ()
	if workload != nil {
		values = append(values, "HOME="+workloadHome, "USER="+workloadName, "LOGNAME="+workloadName)
	} else if os.Getenv("HOME") == "" {
		values = append(values, "HOME=/root")
	}
	for key, value := range p.request.Env {
		values = append(values, key+"="+value)
	}
	return values
}

// launch starts the shell once; appending keeps what an earlier attempt wrote.
func (p *process) launch(again bool) (*exec.Cmd, error) {
	mode := os.O_CREATE | os.O_WRONLY | os.O_TRUNC
	if again {
		mode = os.O_CREATE | os.O_WRONLY | os.O_APPEND
	}
	stdout, err := os.OpenFile(p.file("stdout"), mode, 0o644)
	if err != nil {
		return nil, fmt.Errorf("failed to open log file: %v", err)
	}
	defer stdout.Close()
	stderr, err := os.OpenFile(p.file("stderr"), mode, 0o644)
	if err != nil {
		return nil, fmt.Errorf("failed to open log file: %v", err)
	}
	defer stderr.Close()
	args := append(strings.Fields(getenv("SHELL_ARGS", "-c")), p.request.Command)
	command := exec.Command(getenv("SHELL", "sh"), args...)
	command.Env = p.environment()
	command.Dir = p.directory()
	command.Stdout, command.Stderr = stdout, stderr
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Credential: workload}
	return command, command.Start()
}

func (p *process) directory() string {
	folder := p.request.WorkingDir
	if strings.HasPrefix(folder, "~") {
		return getenv("HOME", "/root") + folder[1:]
	}
	return folder
}

func start(request processRequest) (*process, error) {
	p := &process{request: request, name: request.Name, status: "running", started: time.Now(), done: make(chan struct{}), folder: logDir()}
	if p.name == "" {
		p.name = randomName()
	}
	if err := os.MkdirAll(p.folder, 0o755); err != nil {
		return nil, fmt.Errorf("failed to create log directory: %v", err)
	}
	if probe, err := os.CreateTemp(p.folder, ".probe"); err != nil {
		return nil, fmt.Errorf("failed to create log directory: %v", err)
	} else {
		probe.Close()
		os.Remove(probe.Name())
	}
	if folder := p.directory(); folder != "" {
		if info, err := os.Stat(folder); err != nil || !info.IsDir() {
			return nil, fmt.Errorf("could not execute command '%s' because folder '%s' does not exist", request.Command, request.WorkingDir)
		}
	}
	command, err := p.launch(false)
	if err != nil {
		return nil, err
	}
	p.pid, p.group = command.Process.Pid, command.Process.Pid
	tableMu.Lock()
	table = append(table, p)
	tableMu.Unlock()
	go p.watch(command)
	if request.KeepAlive {
		limit := 600
		if request.Timeout != nil && *request.Timeout >= 0 {
			limit = *request.Timeout
		}
		if limit > 0 {
			time.AfterFunc(time.Duration(limit)*time.Second, func() { p.end(syscall.SIGKILL, "killed") })
		}
	}
	return p, nil
}

func (p *process) watch(command *exec.Cmd) {
	for {
		// Only the direct child is waited for; grandchildren that hold the log files do not delay completion.
		state, _ := command.Process.Wait()
		code := state.ExitCode()
		p.mu.Lock()
		failed := code != 0 && p.asked == ""
		restart := failed && p.request.RestartOnFailure && (p.request.MaxRestarts < 0 || p.restarts < p.request.MaxRestarts)
		if !restart {
			p.exitCode, p.completed = code, time.Now()
			switch {
			case code == 0:
				p.status = "completed"
			case p.asked != "":
				p.status = p.asked
			default:
				p.status = "failed"
			}
			p.mu.Unlock()
			close(p.done)
			return
		}
		p.restarts++
		attempt := p.restarts
		p.mu.Unlock()
		note := fmt.Sprintf("\n[Process failed with exit code %d. Attempting restart %d/%d...]\n", code, attempt, p.request.MaxRestarts)
		if file, err := os.OpenFile(p.file("stdout"), os.O_APPEND|os.O_WRONLY, 0o644); err == nil {
			file.WriteString(note)
			file.Close()
		}
		time.Sleep(time.Second)
		next, err := p.launch(true)
		if err != nil {
			p.mu.Lock()
			p.exitCode, p.status, p.completed = 1, "failed", time.Now()
			p.mu.Unlock()
			close(p.done)
			return
		}
		p.mu.Lock()
		p.group = next.Process.Pid
		p.mu.Unlock()
		command = next
	}
}

func (p *process) end(signal syscall.Signal, as string) error {
	p.mu.Lock()
	p.asked = as
	group := p.group
	p.mu.Unlock()
	return syscall.Kill(-group, signal)
}

func (p *process) running() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.status == "running"
}

func (p *process) describe(limit int64, withLogs, inList bool) processAnswer {
	stdout, stderr := "", ""
	if withLogs {
		stdout, stderr = tail(p.file("stdout"), limit), tail(p.file("stderr"), limit)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	completed := new(string)
	if p.status != "running" {
		*completed = p.completed.Format(timeLayout)
	} else if inList {
		completed = nil
	}
	var logs *string
	if withLogs {
		both := stdout + stderr
		logs = &both
	}
	return processAnswer{fmt.Sprint(p.pid), p.name, p.request.Command, p.status, p.started.Format(timeLayout), completed, p.exitCode,
		p.request.WorkingDir, logs, stdout, stderr, p.request.RestartOnFailure, p.request.MaxRestarts, p.restarts, p.request.KeepAlive}
}

func startProcess(w http.ResponseWriter, r *http.Request) {
	var request processRequest
	if err := json.NewDecoder(r.Body).Decode(&request); err != nil {
		if errors.Is(err, io.EOF) {
			err = errors.New("EOF")
		}
		fail(w, 400, "invalid request body: "+err.Error())
		return
	}
	if request.Command == "" {
		fail(w, 400, "invalid request body: Key: 'ProcessRequest.Command' Error:Field validation for 'Command' failed on the 'required' tag")
		return
	}
	if request.KeepAlive && os.Getenv("BL_DISABLE_KEEPALIVE") == "true" {
		fail(w, 400, "keepAlive is disabled")
		return
	}
	if other := find(request.Name); request.Name != "" && other != nil && other.running() {
		fail(w, 400, fmt.Sprintf("process with name '%s' already exists and is running", request.Name))
		return
	}
	p, err := start(request)
	if err != nil {
		fail(w, 422, "failed to start process: "+err.Error())
		return
	}
	if strings.Contains(r.Header.Get("Accept"), "text/event-stream") {
		streamResult(w, r, p)
		return
	}
	var limit <-chan time.Time
	if request.Timeout != nil && *request.Timeout > 0 {
		limit = time.After(time.Duration(*request.Timeout) * time.Second)
	}
	if len(request.WaitForPorts) > 0 {
		if !waitForPorts(request.WaitForPorts, limit) {
			fail(w, 422, fmt.Sprintf("process timed out waiting for ports after %d seconds", *request.Timeout))
			return
		}
	}
	if !request.WaitForCompletion {
		answer(w, 200, p.describe(0, false, false))
		return
	}
	select {
	case <-p.done:
		answer(w, 200, p.describe(fullTail, true, false))
	case <-limit:
		fail(w, 422, fmt.Sprintf("process timed out after %d seconds", *request.Timeout))
	case <-r.Context().Done():
	}
}

func listProcesses(w http.ResponseWriter) {
	tableMu.Lock()
	all := append([]*process{}, table...)
	tableMu.Unlock()
	answers := make([]processAnswer, 0, len(all))
	for _, p := range all {
		answers = append(answers, p.describe(inlineTail, true, true))
	}
	answer(w, 200, answers)
}

func oneProcess(w http.ResponseWriter, r *http.Request, id, rest string) {
	p := find(id)
	switch {
	case r.Method == "GET" && rest == "":
		if p == nil {
			fail(w, 404, "process not found")
			return
		}
		answer(w, 200, p.describe(inlineTail, true, false))
	case r.Method == "GET" && rest == "logs":
		if p == nil {
			fail(w, 404, fmt.Sprintf("process with PID %s not found", id))
			return
		}
		described := p.describe(fullTail, true, false)
		answer(w, 200, struct {
			Stdout string `json:"stdout"`
			Stderr string `json:"stderr"`
			Logs   string `json:"logs"`
		}{described.Stdout, described.Stderr, *described.Logs})
	case r.Method == "GET" && rest == "logs/stream":
		streamLogs(w, r, p, id)
	case r.Method == "DELETE" && rest == "":
		if p == nil || !p.running() {
			fail(w, 404, fmt.Sprintf("process with Identifier %s is not running", id))
			return
		}
		p.end(syscall.SIGTERM, "stopped")
		awaitShortly(p)
		answer(w, 200, map[string]string{"message": "Process stopped successfully"})
	case r.Method == "DELETE" && rest == "kill":
		if p == nil || p.end(syscall.SIGKILL, "killed") != nil {
			fail(w, 404, fmt.Sprintf("process with Identifier %s not found", id))
			return
		}
		awaitShortly(p)
		answer(w, 200, map[string]string{"message": "Process killed successfully"})
	default:
		notFound(w)
	}
}

func awaitShortly(p *process) {
	select {
	case <-p.done:
	case <-time.After(200 * time.Millisecond):
	}
}
