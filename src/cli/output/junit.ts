import type { CheckResult, SmokeReport } from "../../smoke/report";

function escaped(text: string): string {
  return (
    text
      .replaceAll("&", "&amp;")
      .replaceAll("<", "&lt;")
      .replaceAll(">", "&gt;")
      .replaceAll('"', "&quot;")
      .replaceAll("\n", "&#10;")
      // XML 1.0 cannot express the other control characters.
      .replaceAll(/[^\t\r\u{20}-\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]/gu, "\u{FFFD}")
  );
}

const seconds = (ms: number): string => (ms / 1000).toFixed(3);

function testCase(report: SmokeReport, check: CheckResult): string {
  const place =
    (check.file === undefined ? "" : ` file="${escaped(check.file)}"`) +
    (check.line === undefined ? "" : ` line="${String(check.line)}"`);
  const head = `    <testcase classname="${escaped(report.template)}" name="${escaped(check.name)}" time="${seconds(check.durationMs)}"${place}`;
  if (check.outcome === "passed") return `${head}/>`;
  if (check.outcome === "skipped")
    return `${head}><skipped message="${escaped(check.seen ?? "")}"/></testcase>`;
  const details = [
    check.expected === undefined ? "" : `expected: ${check.expected}`,
    `seen: ${check.seen ?? ""}`,
    check.hint ?? "",
  ]
    .filter((line) => line !== "")
    .join("\n");
  return `${head}><failure message="${escaped(check.seen ?? check.name)}">${escaped(details)}</failure></testcase>`;
}

/** Reports as JUnit XML, the format CI systems read: a suite per image, a case per check. */
export function junitXml(reports: readonly SmokeReport[]): string {
  const sum = (count: (report: SmokeReport) => number): number =>
    reports.reduce((total, report) => total + count(report), 0);
  const suites = reports.map((report) =>
    [
      `  <testsuite name="${escaped(report.template)}" tests="${String(report.checks.length)}" failures="${String(report.failed)}" skipped="${String(report.skipped)}" time="${seconds(report.durationMs)}">`,
      ...report.checks.map((check) => testCase(report, check)),
      "  </testsuite>",
    ].join("\n"),
  );
  const head = `<testsuites name="mesa-template smoke" tests="${String(sum((one) => one.checks.length))}" failures="${String(sum((one) => one.failed))}" skipped="${String(sum((one) => one.skipped))}" time="${seconds(sum((one) => one.durationMs))}">`;
  return `<?xml version="1.0" encoding="UTF-8"?>\n${[head, ...suites, "</testsuites>"].join("\n")}\n`;
}
