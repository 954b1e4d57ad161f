// A stand-in for Blaxel's sandbox-api: the same answers where a template or a client looks, nothing beyond.
package main

import (
	"bufio"
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"os/user"
	"strconv"
	"strings"
	"syscall"
	"time"
)

var version = "0.2.50"
var startedAt = time.Now()

// loadDotEnv reads .env of the working directory into the environment without overriding it, as the real one does.
func loadDotEnv() {
	file, err := os.Open(".env")
	if err != nil {
		return
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		key, value, found := strings.Cut(strings.TrimSpace(lines.Text()), "=")
		if !found || strings.HasPrefix(key, "#") || os.Getenv(key) != "" {
			continue
		}
		os.Setenv(key, strings.Trim(value, `"'`))
	}
}

func logLine(level, message string) {
	fmt.Fprintf(os.Stderr, "{\"level\":%q,\"msg\":%q,\"time\":%q}\n", level, message, time.Now().Format(time.RFC3339))
}

func fatal(message string) {
	logLine("fatal", message)
	os.Exit(1)
}

// workload is who processes run as: nil for the API's own user.
var workload *syscall.Credential
var workloadHome string
var workloadName string

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

func main() {
	var port int
	var command, asUser string
	flag.IntVar(&port, "port", 8080, "port")
	flag.IntVar(&port, "p", 8080, "port")
	flag.StringVar(&command, "command", "", "command to run in the background")
	flag.StringVar(&command, "c", "", "command to run in the background")
	flag.Bool("disable-telemetry", false, "no telemetry")
	flag.StringVar(&asUser, "user", "", "workload user")
	flag.Parse()
	loadDotEnv()
	if asUser == "" && os.Getenv("BL_SANDBOX_USER_ENABLED") == "true" {
		asUser = os.Getenv("BL_SANDBOX_USER")
	}
	useWorkloadUser(asUser)
	if command != "" {
		background := exec.Command("sh", "-c", command)
		background.Dir = "/"
		if err := background.Start(); err != nil {
			fatal("failed to start command: " + err.Error())
		}
		go background.Wait()
	}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	go func() {
		<-signals
		os.Exit(0)
	}()
	address := fmt.Sprintf(":%d", port)
	logLine("info", "Starting Sandbox API server on "+address)
	server := &http.Server{Addr: address, Handler: logged(http.HandlerFunc(route)), ReadHeaderTimeout: 30 * time.Second, IdleTimeout: 2 * time.Minute}
	fatal(server.ListenAndServe().Error())
}
