/** Severities of vulnerabilities, the mildest first. Each start names them, and so does not load the scanners. */
export const SEVERITIES = ["low", "medium", "high", "critical"] as const;
export type Severity = (typeof SEVERITIES)[number];
