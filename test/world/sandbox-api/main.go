// A stand-in for Blaxel's sandbox-api 0.2.50: the same answers where a template or a client looks, nothing beyond.
package main

import (
	"flag"
	"fmt"
	"math/rand"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"
)

var version = "0.2.50"
var startedAt = time.Now()

func getenv(name, fallback string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return fallback
}

// runBackground starts the program of -command. It gets the shell, the folder / and no log files.
func runBackground(command string) {
	background := exec.Command(shell(), shellArguments(command)...)
	background.Dir = "/"
	background.Stdout, background.Stderr = os.Stdout, os.Stderr
	if err := background.Start(); err != nil {
		fatal("failed to start command: " + err.Error())
	}
	go background.Wait()
}

// exitOnSignal ends the program at once: what runs goes on, in process groups of its own.
func exitOnSignal() {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	<-signals
	os.Exit(0)
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
	// Go before 1.20 starts every program with the same numbers.
	rand.Seed(time.Now().UnixNano())
	loadDotEnv(".env")
	if asUser == "" && os.Getenv("BL_SANDBOX_USER_ENABLED") == "true" {
		asUser = os.Getenv("BL_SANDBOX_USER")
	}
	useWorkloadUser(asUser)
	if command != "" {
		runBackground(command)
	}
	go exitOnSignal()
	address := fmt.Sprintf(":%d", port)
	logLine("info", "", "Starting Sandbox API server on "+address)
	server := &http.Server{
		Addr:              address,
		Handler:           logged(http.HandlerFunc(route)),
		ReadHeaderTimeout: 30 * time.Second,
		IdleTimeout:       2 * time.Minute,
	}
	fatal(server.ListenAndServe().Error())
}
