"""A simulator of SePay's payment gateway: the signed form, the page, the IPN, the order API."""
