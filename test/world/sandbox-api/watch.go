package main

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// watch waits for the direct child only: grandchildren that hold the log files do not delay its end, and orphans that
// fall to this process as PID 1 stay zombies.
func (p *process) watch(command *exec.Cmd) {
	defer close(p.done)
	for {
		state, _ := command.Process.Wait()
		code := state.ExitCode()
		if !p.mayRestart(code) {
			p.finish(code)
			return
		}
		time.Sleep(time.Second)
		next, err := p.relaunch()
		if err != nil {
			p.finish(code)
			return
		}
		command = next
	}
}

// mayRestart counts an attempt and says so in the process's own output.
func (p *process) mayRestart(code int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	most := p.request.MaxRestarts
	if code == 0 || p.asked != "" || !p.request.RestartOnFailure || (most >= 0 && p.restarts >= most) {
		return false
	}
	p.restarts++
	if file, err := os.OpenFile(p.file("stdout"), os.O_APPEND|os.O_WRONLY, 0o644); err == nil {
		fmt.Fprintf(file, "\n[Process failed with exit code %d. Attempting restart %d/%d...]\n", code, p.restarts, most)
		file.Close()
	}
	return true
}

// relaunch starts the next attempt, also when somebody asked for the end while none ran: it is the last then.
func (p *process) relaunch() (*exec.Cmd, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	next, err := p.launch(true)
	if err == nil {
		p.group = next.Process.Pid
	}
	return next, err
}

func (p *process) finish(code int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.exitCode, p.completed = code, time.Now()
	switch {
	case code == 0:
		p.status = "completed"
	case p.asked != "":
		p.status = p.asked
	default:
		p.status = "failed"
	}
}

// end signals the whole group; the status says later what was asked for.
func (p *process) end(signal syscall.Signal, as string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.status == "running" {
		p.asked = as
	}
	return syscall.Kill(-p.group, signal)
}

// awaitShortly lets an answer tell of the end that was just asked for; what ignores the signal is not waited for.
func (p *process) awaitShortly() {
	select {
	case <-p.done:
	case <-time.After(200 * time.Millisecond):
	}
}
