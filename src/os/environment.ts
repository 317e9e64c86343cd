// What code of the user's does to the environment of this process.

/** Notes the environment as it is, and returns how to have it so again. */
export function noteEnvironment(environment: NodeJS.ProcessEnv): () => void {
  const noted = { ...environment };
  return () => {
    for (const name of Object.keys(environment)) if (!(name in noted)) delete environment[name];
    Object.assign(environment, noted);
  };
}
