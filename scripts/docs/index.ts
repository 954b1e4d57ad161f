import { readFileSync } from "node:fs";
import { join } from "node:path";
import { commandsPage } from "./commands";
import { troubleshootingPage } from "./errors";
import { jsonPage } from "./json";
import { performancePage } from "./performance";

/** The pages that are made from code and measurements, by path; README with the Dockerfile that is rendered now. */
export function pages(repository: string): Readonly<Record<string, string>> {
  return {
    "docs/commands.md": commandsPage(),
    "docs/json.md": jsonPage(),
    "docs/performance.md": performancePage(join(repository, "bench/results.json")),
    "docs/troubleshooting.md": troubleshootingPage(join(repository, "src")),
    "README.md": withDockerfile(
      readFileSync(join(repository, "README.md"), "utf8"),
      readFileSync(join(repository, "test/golden/debian/0.20.0/Dockerfile"), "utf8"),
    ),
  };
}

function withDockerfile(readme: string, dockerfile: string): string {
  const shown = `<!-- dockerfile -->\n\n\`\`\`dockerfile\n${dockerfile.trimEnd()}\n\`\`\`\n\n<!-- /dockerfile -->`;
  return readme.replace(/<!-- dockerfile -->[^]*<!-- \/dockerfile -->/u, () => shown);
}
