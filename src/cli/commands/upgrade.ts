import { choice, flag, text, type CommandGroup } from "../command";
import { SEVERITIES } from "../../build/severity";
import { RELEASE_COMMON, RELEASE_EXITS, RELEASE_OPTIONS } from "./release";

export const UPGRADE: CommandGroup = {
  title: "Upgrade",
  commands: [
    {
      usage: "outdated",
      describe: "list inputs that have a newer release (exit 9: there are some)",
      options: {
        prerelease: flag("include prereleases"),
      },
      common: ["template", "upstream"],
      examples: ["outdated"],
      exits: { 9: "something newer is available" },
      load: async () => (await import("../handlers/outdated")).run,
    },
    {
      usage: "upgrade [mesa-version]",
      describe: "build and smoke-test a newer Mesa (default: the newest) and show what would change",
      details: "It deploys nothing unless --deploy is given.",
      options: {
        deploy: flag("deploy it after the comparison is shown"),
        branch: flag("commit the rendered files on a git branch, with the comparison as the message"),
        "branch-name": text("NAME", "the name of that branch (default: mesa-template/upgrade-VERSION)"),
        full: flag("show every line, file, label and time, not the summary"),
        prerelease: flag("include prereleases"),
        ...Object.fromEntries(Object.entries(RELEASE_OPTIONS).filter(([name]) => name !== "deploy")),
      },
      common: RELEASE_COMMON,
      examples: ["upgrade 0.26.0", "upgrade --branch", "upgrade 0.26.0 --dry-run"],
      exits: RELEASE_EXITS,
      load: async () => (await import("../handlers/compare")).upgradeCommand,
    },
    {
      usage: "diff <a> [b]",
      describe: "compare two versions, or a version with what a fresh lock would give",
      options: { full: flag("show every line, file, label and time, not the summary") },
      common: ["template", "upstream"],
      examples: ["diff debian@0.20.0-1 debian@0.26.0-1", "diff stable --template debian"],
      load: async () => (await import("../handlers/compare")).diffCommand,
    },
    {
      usage: "notes <ref>",
      describe: "print the release notes of a version, in Markdown",
      options: {
        since: text("REF", "compare with this REF (default: the previous version)"),
      },
      common: ["template"],
      examples: ["notes debian@0.26.0-1 --since stable > notes.md"],
      load: async () => (await import("../handlers/compare")).notesCommand,
    },
    {
      usage: "drift [ref]",
      describe:
        "compare the manifest with templates, upstreams, Blaxel and local images (exit 9: something differs)",
      details: "Without REF: the newest version of each template, and those that channels point at.",
      common: ["template", "workspace", "upstream"],
      examples: ["drift", "drift stable --template debian"],
      exits: { 9: "something differs" },
      load: async () => (await import("../handlers/drift")).driftCommand,
    },
    {
      usage: "scan [refs..]",
      describe: "scan the SBOMs of published versions with grype or trivy (exit 9: something new)",
      details: "Without REFs it scans what channels point at.",
      options: {
        severity: choice(SEVERITIES, "the lowest severity that counts", {
          default: "low",
        }),
      },
      common: ["template"],
      refusesDryRun: true,
      examples: ["scan --severity high"],
      exits: {
        3: "neither grype nor trivy is installed",
        9: "a vulnerability that the last scan did not find",
      },
      load: async () => (await import("../handlers/scan")).run,
    },
  ],
};
