package main

import (
	"bufio"
	"os"
	"strings"
)

// loadDotEnv reads a file of KEY=value lines into the environment; what is set, be it empty, stays.
func loadDotEnv(path string) {
	file, err := os.Open(path)
	if err != nil {
		return
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		line := strings.TrimPrefix(strings.TrimSpace(lines.Text()), "export ")
		key, value, found := strings.Cut(line, "=")
		key = strings.TrimSpace(key)
		if !found || key == "" || strings.HasPrefix(key, "#") {
			continue
		}
		if _, set := os.LookupEnv(key); !set {
			os.Setenv(key, dotEnvValue(strings.TrimSpace(value)))
		}
	}
}

// dotEnvValue takes away the quotes of a quoted value and the comment after a bare one.
func dotEnvValue(text string) string {
	if text != "" && (text[0] == '"' || text[0] == '\'') {
		if end := strings.IndexByte(text[1:], text[0]); end >= 0 {
			return text[1 : end+1]
		}
	}
	if comment := strings.Index(text, " #"); comment >= 0 {
		text = text[:comment]
	}
	return strings.TrimSpace(text)
}
