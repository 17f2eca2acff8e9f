package stet.cli.session;

/** Runs command lines as the program does, for a command that is made of others. */
@FunctionalInterface
public interface CommandLines {
  /**
   * Runs one.
   *
   * @param session a session that nothing was run in yet
   * @return the exit status
   * @throws Exception what the command threw, which is then not told to the user
   */
  int run(Session session, String... arguments) throws Exception;
}
