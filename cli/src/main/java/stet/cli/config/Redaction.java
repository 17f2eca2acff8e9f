package stet.cli.config;

import java.util.regex.Pattern;

/** Takes secrets out of text that is to be shown. */
public final class Redaction {
  /** Up to the last @ before white space or a quote: passwords may hold @ and slashes. */
  private static final Pattern USER_INFORMATION =
      Pattern.compile("(?<=://)([^:@/?#\\s\"']*):[^\\s\"']*@");

  private static final Pattern PARAMETER =
      Pattern.compile(
          "(?i)((?:pass(?:word|wd|phrase)?|sslpassword|token|secret)\\s*=\\s*)('(?:[^'\\\\]|\\\\.)*'?|[^\\s&\"']+)");

  private Redaction() {}

  /**
   * The text with passwords of URLs and of {@code password=} parameters replaced by {@code ***}.
   */
  public static String mask(String text) {
    String masked = USER_INFORMATION.matcher(text).replaceAll("$1:***@");
    return PARAMETER.matcher(masked).replaceAll("$1***");
  }
}
