import { isWithinBudget } from "../../build/image";
import type { Check, ImageAtRest } from "../check";
import { failed, PASSED, whenNone } from "./verdicts";

const CREDENTIAL_NAME = /(^|_)(API_?KEY|TOKEN|SECRET|PASSWORD|PASSPHRASE|CREDENTIALS?|PRIVATE_KEY)(=|$)/iu;
const CREDENTIAL_VALUE =
  /\b(mesa_[A-Za-z0-9_]{16,}|bl_[A-Za-z0-9]{20,}|gh[pousr]_[A-Za-z0-9]{20,}|eyJ[A-Za-z0-9_-]{20,}\.[A-Za-z0-9_-]{20,})/u;

function holdsCredential(name: string, text: string): boolean {
  return CREDENTIAL_NAME.test(name) || CREDENTIAL_VALUE.test(text);
}

async function credentialsIn(image: ImageAtRest): Promise<readonly string[]> {
  const env = image.config.env
    .filter((entry) => holdsCredential(entry.split("=")[0] ?? "", entry))
    .map((entry) => `ENV ${entry.split("=")[0] ?? ""}`);
  // A label's name has parts: com.acme.api-key is judged as com_acme_api_key.
  const labels = Object.entries(image.config.labels)
    .filter(([name, value]) => holdsCredential(name.replaceAll(/[.-]/gu, "_"), value))
    .map(([name]) => `LABEL ${name}`);
  const history = (await image.contents()).history
    .map(({ createdBy }) => createdBy)
    .filter(
      (step) =>
        CREDENTIAL_VALUE.test(step) || /(^|[ |])[A-Z_]*(API_?KEY|TOKEN|SECRET|PASSWORD)=\S+/u.test(step),
    )
    .map((step) => `history: ${step.slice(0, 80)}`);
  return [...env, ...labels, ...history];
}

/** Files that must not be in an image: credentials, and leftovers of daemons and builds. */
const LEFTOVERS: readonly (readonly [RegExp, string])[] = [
  [/\/(\.config|etc)\/mesa\/config\.toml$/u, "a Mesa configuration (older versions keep keys in it)"],
  [/\/secrets\.(plaintext\.toml|vault\.age)$/u, "Mesa's secret store"],
  [/\/mesa(fs)?\.pid$/u, "the pid file of a mount"],
  [/\.deb$/u, "a package file"],
  [/^\/var\/lib\/apt\/lists\/.*Packages/u, "package lists"],
  [/^\/var\/cache\/apk\/./u, "package caches"],
  [/\/\.blaxel\/config\.yaml$/u, "Blaxel credentials"],
];

/** Whether an image's USER is root, in any notation. */
export function isRoot(user: string): boolean {
  return ["", "root", "0"].includes(user.split(":", 1)[0] ?? "");
}

/** What the image must not contain, and its size limit. */
export const IMAGE_CHECKS: readonly Check[] = [
  {
    name: "no credential in environment, labels or history",
    needs: "image",
    run: async (image) =>
      whenNone(
        await credentialsIn(image),
        "Everyone who can pull the image can read it: pass credentials when the sandbox starts, never when the image is built.",
        "; ",
      ),
  },
  {
    name: "no credential of this run is in the image",
    needs: "image",
    run: async (image, { secrets }) => {
      const { history, holding } = await image.contents();
      const config = JSON.stringify([image.config, history.map(({ createdBy }) => createdBy)]);
      const inConfig = secrets.some((secret) => config.includes(secret));
      const paths = [...(inConfig ? ["config or history"] : []), ...holding];
      return whenNone(
        paths,
        "The image contains one of this run's credentials. Revoke it, and find out how it got into the build.",
      );
    },
  },
  {
    name: "no configuration, pid file, package list or .deb is left",
    needs: "image",
    run: async (image) => {
      const found = (await image.contents()).inLayers.flatMap((path) =>
        LEFTOVERS.filter(([pattern]) => pattern.test(path)).map(([, what]) => `${path} (${what})`),
      );
      return whenNone(
        found.slice(0, 10),
        "Remove it in the same RUN that made it, or move that step to its own stage.",
      );
    },
  },
  {
    name: "no USER: the API runs as root",
    needs: "image",
    run: (image) =>
      Promise.resolve(
        isRoot(image.config.user)
          ? PASSED
          : failed(
              `USER ${image.config.user}`,
              "With USER the API itself runs without root. Remove USER; run workloads as another user instead.",
            ),
      ),
  },
  {
    // Checked at rest: the sandbox API creates it at start, as root and for root only.
    name: "HOME is in the image",
    needs: "image",
    run: async (image) => {
      const home = image.config.env.find((entry) => entry.startsWith("HOME="))?.slice("HOME=".length) ?? "";
      return home === "" || (await image.entry(home)) !== undefined
        ? PASSED
        : failed(
            `HOME is ${home}, but the image has no such folder`,
            "Create it in the template: mkdir -p, with the permissions that its users need.",
          );
    },
  },
  {
    name: "the image is within its budget",
    needs: "image",
    run: async (image, { rendered }) => {
      const contents = await image.contents();
      const megabytes = (contents.sizeBytes / 1_000_000).toFixed(1);
      const budget = rendered.settings.image.budgetMegabytes;
      return isWithinBudget(contents, budget)
        ? { outcome: "passed", seen: `${megabytes} MB of ${String(budget)} MB` }
        : failed(
            `${megabytes} MB; the budget is ${String(budget)} MB`,
            "Make it smaller, or raise image.budget_megabytes in template.toml.",
          );
    },
  },
];
