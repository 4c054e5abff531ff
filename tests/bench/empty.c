/* The reference of the start-up figures: a program that does nothing. */
int main(void)
{
	return 0;
}
