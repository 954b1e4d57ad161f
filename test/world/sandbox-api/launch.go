package main

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

const keepAliveSeconds = 600

func logDir() string { return getenv("SANDBOX_LOG_DIR", "/var/log/sandbox-api") }

func shell() string { return getenv("SHELL", "sh") }

func shellArguments(command string) []string {
	return append(strings.Fields(getenv("SHELL_ARGS", "-c")), command)
}

func (p *process) environment() []string {
	values := os.Environ()
	if workload != nil {
		values = append(values, "HOME="+workloadHome, "USER="+workloadName, "LOGNAME="+workloadName)
	}
	for key, value := range p.request.Env {
		values = append(values, key+"="+value)
	}
	return values
}

func (p *process) directory() string {
	folder := p.request.WorkingDir
	if strings.HasPrefix(folder, "~") {
		return getenv("HOME", "/root") + folder[1:]
	}
	return folder
}

// launch starts the shell once, in a group of its own, its streams straight into files; again keeps what those hold.
func (p *process) launch(again bool) (*exec.Cmd, error) {
	mode := os.O_CREATE | os.O_WRONLY | os.O_APPEND
	if !again {
		mode |= os.O_TRUNC
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
	command := exec.Command(shell(), shellArguments(p.request.Command)...)
	command.Env = p.environment()
	command.Dir = p.directory()
	command.Stdout, command.Stderr = stdout, stderr
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Credential: workload}
	return command, command.Start()
}

// ensureLogDir makes the folder of the logs and shows that it takes files.
func ensureLogDir(folder string) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return fmt.Errorf("failed to create log directory: %v", err)
	}
	probe, err := os.CreateTemp(folder, ".probe")
	if err != nil {
		return fmt.Errorf("failed to create log directory: %v", err)
	}
	probe.Close()
	return os.Remove(probe.Name())
}

func start(request ProcessRequest) (*process, error) {
	p := &process{request: request, name: request.Name, status: "running", started: time.Now(), done: make(chan struct{}), folder: logDir()}
	if p.name == "" {
		p.name = randomName()
	}
	if err := ensureLogDir(p.folder); err != nil {
		return nil, err
	}
	if folder := p.directory(); folder != "" {
		if info, err := os.Stat(folder); err != nil || !info.IsDir() {
			return nil, fmt.Errorf("could not execute command '%s' because folder '%s' does not exist", request.Command, request.WorkingDir)
		}
	}
	logLine("info", "audit", "process start: "+request.Command)
	command, err := p.launch(false)
	if err != nil {
		return nil, err
	}
	p.pid, p.group = command.Process.Pid, command.Process.Pid
	tableMu.Lock()
	table = append(table, p)
	tableMu.Unlock()
	go p.watch(command)
	go p.repeatOutput()
	p.boundKeepAlive()
	return p, nil
}

// boundKeepAlive kills what is kept alive at its time-out: 600 s when none is told, never with 0.
func (p *process) boundKeepAlive() {
	limit := keepAliveSeconds
	if p.request.Timeout != nil && *p.request.Timeout >= 0 {
		limit = *p.request.Timeout
	}
	if p.request.KeepAlive && limit > 0 {
		time.AfterFunc(time.Duration(limit)*time.Second, func() {
			if p.running() {
				p.end(syscall.SIGKILL, "killed")
			}
		})
	}
}
