"""VietQR: bank transfers in Vietnam, their codes and their memos."""
