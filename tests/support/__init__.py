"""What the behaviour tests share: guests by name, and programs in processes of their own."""
