import { asCall } from "./call";
import { main } from "./main";

/**
 * Makes a call of bl in this process.
 * @param call working folder, variables and, after an empty line, words, each on a line
 * @returns what it said, in lines that begin with 1 (stdout) or 2 (stderr), and its exit code in one that begins with 0
 */
export async function answerBl(call: string): Promise<string> {
  const [given = "", words = ""] = call.split("\n\n");
  const [cwd = "", ...variables] = given.split("\n");
  const env = Object.fromEntries(
    variables.map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]),
  );
  const said = { 1: "", 2: "" };
  const out = (text: string): void => void (said[1] += text);
  const err = (text: string): void => void (said[2] += text);
  const code = await asCall({ env, cwd, out, err }, () => main(words.split("\n")));
  const lines = ([1, 2] as const).map((from) => said[from].replace(/^(?=.|\n)/gmu, String(from)));
  return `${lines.join("")}0${String(code)}\n`;
}
