import type { CommandSpec } from "../../src/cli/command";
import { commandName } from "../../src/cli/line/command-line";
import { COMMON_OPTIONS } from "../../src/cli/command";
import { COMMAND_GROUPS } from "../../src/cli/commands/index";
import { environmentName } from "../../src/cli/line/environment";
import {
  commonOptionsOf,
  exitRows,
  optionRows,
  optionText,
  placeRows,
  sentence,
  usageText,
} from "../../src/cli/line/help";
import { MADE, table } from "./markdown";

type Row = readonly [string, string];

/** docs/commands.md: every command, from its spec. */
export function commandsPage(): string {
  const index = COMMAND_GROUPS.flatMap(({ title, commands }) => [
    `**${title}:** ${commands.map((spec) => `[${commandName(spec)}](#${commandName(spec).replaceAll(" ", "-")})`).join(" · ")}`,
  ]);
  return [
    MADE,
    "# Commands",
    index.join("\n\n"),
    "A _REF_ is an id (`debian@0.20.0-1`), a Mesa version (its newest revision that is not revoked) or the name of a channel. An id names one template; a version and a channel stand for every template, unless `--template` narrows them. Where the usage has _ID_, a REF must stand for one version. A _MESA-VERSION_ is written in full: `0.20.0`.",
    ...COMMAND_GROUPS.flatMap(({ title, commands }) => [`## ${title}`, ...commands.map(commandSection)]),
    "## Common options",
    table(
      ["option", "meaning", "environment"],
      Object.entries(COMMON_OPTIONS).map(([name, option]) => [
        `\`${optionText(name, option)}\``,
        option.describe,
        `\`${environmentName(name)}\``,
      ]),
    ),
    "The command line wins over the environment. Boolean variables take `1`, `true`, `yes`, `on` and their opposites. When an option is given twice, the last value wins.",
    "## Exit codes",
    table(["exit", "meaning"], EXITS),
  ].join("\n\n");
}

const EXITS: readonly (readonly [string, string])[] = [
  ["0", "done, or nothing to do"],
  ["1", "a fault of this program"],
  ["2", "wrong usage or configuration"],
  ["3", "the environment: no engine, no `bl`, no credentials, no network"],
  ["4", "an upstream input does not verify or does not exist"],
  ["5", "the build failed"],
  ["6", "smoke failed"],
  ["7", "deployment or verification failed"],
  ["8", "the manifest cannot be read or written, or has a conflict"],
  ["9", "drift, or something newer is available"],
  ["130", "interrupted"],
];

/** Places that the page explains once, at its beginning. */
const EXPLAINED = /^\[?(?:REFS?|ID|A|MESA-VERSION)\b/u;

/** Commands whose options another one repeats, and which the page names there instead. */
const FIRST: Readonly<Record<string, string>> = {
  deploy: "release",
  upgrade: "release",
  "sandbox shell": "sandbox run",
};

/** The rows that `other` has, too, by their names; and the rest. */
function shared(
  rows: readonly Row[],
  other: string | undefined,
): readonly [readonly string[], readonly Row[]] {
  const spec = COMMAND_GROUPS.flatMap(({ commands }) => commands).find((one) => commandName(one) === other);
  const known = optionRows(Object.entries(spec?.options ?? {}));
  const isKnown = ([name, text]: Row): boolean =>
    known.some(([otherName, otherText]) => name === otherName && text === otherText);
  return [
    rows.filter(isKnown).map(([name]) => name.split(" ")[0] ?? name),
    rows.filter((row) => !isKnown(row)),
  ];
}

function commandSection(spec: CommandSpec): string {
  const first = FIRST[commandName(spec)];
  const [same, rows] = shared(
    [
      ...placeRows(spec).filter(([name]) => !EXPLAINED.test(name)),
      ...optionRows(Object.entries(spec.options ?? {})),
    ],
    first,
  );
  const common = commonOptionsOf(spec).map(([name]) => `\`--${name}\``);
  const exits = exitRows(spec).filter(([code]) => code !== "2");
  return [
    `### ${commandName(spec)}`,
    `\`${usageText(spec)}\``,
    [sentence(spec.describe), spec.details].filter((text) => text !== undefined).join(" "),
    ...(rows.length === 0
      ? []
      : [
          table(
            ["", ""],
            rows.map(([name, text]) => [`\`${name}\``, text]),
          ),
        ]),
    ...(first === undefined
      ? []
      : [
          `As for [${first}](#${first.replaceAll(" ", "-")}): ${same.map((name) => `\`${name}\``).join(", ")}.`,
        ]),
    ...(spec.examples === undefined
      ? []
      : [`\`\`\`sh\n${spec.examples.map((line) => `mesa-template ${line}`).join("\n")}\n\`\`\``]),
    ...(exits.length === 0
      ? []
      : [`Exit codes: ${exits.map(([code, text]) => `${code} (${text})`).join(", ")}.`]),
    `Common options: ${common.join(", ")}.`,
  ].join("\n\n");
}
