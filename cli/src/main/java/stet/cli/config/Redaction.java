package stet.cli.config;

import java.util.regex.Pattern;

/** Takes secrets out of text that is to be shown. */
public final class Redaction {
  /**
   * Up to the last @ before white space or a quote: passwords may hold @ and slashes, and so may
   * names before them, even if that is wrong.
   */
  private static final Pattern USER_INFORMATION =
      Pattern.compile("(?<=://)([^:\\s\"']*):[^\\s\"']*@");

  private static final Pattern PARAMETER =
      Pattern.compile(
          "(?i)((?:pass(?:word|wd|phrase)?|sslpassword|token|secret)\\s*=\\s*)('(?:[^'\\\\]|\\\\.)*'?|[^\\s&\"']+)");

  /**
   * A quoted text that runs on into a YAML key for a secret, as one does whose line was damaged.
   */
  private static final Pattern KEY_IN_QUOTES =
      Pattern.compile(
          "(?is)((?<![^\\s(])\"[^\"]*(?:pass(?:word|wd|phrase)?|token|secret)\\w*\\s*:).+");

  private Redaction() {}

  /**
   * The text with passwords of URLs, of {@code password=} parameters and of {@code password:} keys
   * in quoted texts replaced by {@code ***}.
   */
  public static String mask(String text) {
    String masked = USER_INFORMATION.matcher(text).replaceAll("$1:***@");
    masked = PARAMETER.matcher(masked).replaceAll("$1***");
    return KEY_IN_QUOTES.matcher(masked).replaceAll("$1***");
  }
}
